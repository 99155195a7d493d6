// go get github.com/lestrrat-go/jwx/v3
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

func env(name, fallback string) string { return cmp.Or(os.Getenv(name), fallback) }

// openKeys fetches the gateway's keys and keeps them fresh; each key says which algorithm it is for.
func openKeys(ctx context.Context) (jwk.Set, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	url := env("JWKS_URL", "https://gateway.example.com/.well-known/jwks.json")
	if err := cache.Register(ctx, url, jwk.WithMaxInterval(5*time.Minute)); err != nil {
		return nil, err
	}
	return cache.CachedSet(url)
}

// verifyAssertion gives the claims of the header x-countersign-assertion, or why it doesn't hold.
func verifyAssertion(assertion []byte, keys jwk.Set) (jwt.Token, error) {
	token, err := jwt.Parse(assertion, jwt.WithKeySet(keys),
		jwt.WithIssuer(env("ISSUER", "https://countersign.example.com")),
		jwt.WithAudience(env("AUDIENCE", "https://files.internal")),
		jwt.WithRequiredClaim("exp"), jwt.WithRequiredClaim("nbf"), jwt.WithRequiredClaim("sub"),
		jwt.WithAcceptableSkew(5*time.Second))
	if err != nil {
		return nil, err
	}
	message, err := jws.Parse(assertion)
	if err != nil {
		return nil, err
	}
	if typ, _ := message.Signatures()[0].ProtectedHeaders().Type(); typ != "countersign-assertion+jwt" {
		return nil, fmt.Errorf("this is another kind of token")
	}
	return token, nil
}

func main() {
	keys, err := openKeys(context.Background())
	if err == nil {
		var token jwt.Token
		if token, err = verifyAssertion([]byte(os.Args[1]), keys); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(token)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
