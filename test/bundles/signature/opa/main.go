// Signs, hashes and verifies bundles by OPA's own packages, as `opa sign`, `opa build` and `opa run` do.
//
//	cd sidecar/rego/toolchain && go run ../../../test/bundles/signature/opa/main.go <questions.json
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"
	"github.com/open-policy-agent/opa/v1/util"
)

type question struct {
	// Archive is a .tar.gz; Files are what `opa sign` would read.
	Archive []byte            `json:"archive"`
	Files   map[string][]byte `json:"files"`
	// Do is sign (as `opa sign`: gives .signatures.json), build (as `opa build --signing-key`: gives an archive),
	// verify or hash.
	Do     string `json:"do"`
	Key    string `json:"key"`
	Alg    string `json:"alg"`
	KeyID  string `json:"keyid"`
	Claims string `json:"claims"`
	Hash   string `json:"hash"`
	// Verification
	Keys    map[string]*keys.Config `json:"keys"`
	Scope   string                  `json:"scope"`
	Exclude []string                `json:"exclude"`
}

type answer struct {
	Bytes []byte `json:"bytes,omitempty"`
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		panic(err)
	}
	answers := make([]answer, 0, len(questions))
	for _, q := range questions {
		a, err := ask(q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		answers = append(answers, a)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}

func ask(q question) (answer, error) {
	switch q.Do {
	case "hash":
		for name, content := range q.Files {
			file, err := hashOf(name, content, q.Hash)
			return answer{Text: file.Hash}, err
		}
	case "sign":
		files := []bundle.FileInfo{}
		for _, name := range util.KeysSorted(q.Files) {
			file, err := hashOf(name, q.Files[name], q.Hash)
			if err != nil {
				return answer{}, err
			}
			files = append(files, file)
		}
		config, err := signingConfig(q)
		if err != nil {
			return answer{}, err
		}
		token, err := bundle.GenerateSignedToken(files, config, q.KeyID)
		if err != nil {
			return answer{}, err
		}
		text, err := json.MarshalIndent(map[string]any{"signatures": []string{token}}, "", " ")
		return answer{Bytes: text}, err
	case "build":
		b, err := bundle.NewReader(bytes.NewReader(q.Archive)).Read()
		if err != nil {
			return answer{}, err
		}
		config, err := signingConfig(q)
		if err != nil {
			return answer{}, err
		}
		if err := b.GenerateSignature(config, q.KeyID, false); err != nil {
			return answer{}, err
		}
		var out bytes.Buffer
		err = bundle.NewWriter(&out).Write(b)
		return answer{Bytes: out.Bytes()}, err
	case "verify":
		config := bundle.NewVerificationConfig(q.Keys, q.KeyID, q.Scope, q.Exclude)
		reader := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(q.Archive), ""))
		_, err := reader.WithBundleVerificationConfig(config).Read()
		return answer{Text: "verified"}, err
	}
	return answer{}, nil
}

func hashOf(name string, content []byte, algorithm string) (bundle.FileInfo, error) {
	if algorithm == "" {
		algorithm = "SHA-256"
	}
	hasher, err := bundle.NewSignatureHasher(bundle.HashingAlgorithm(algorithm))
	if err != nil {
		return bundle.FileInfo{}, err
	}
	var value any = content
	if bundle.IsStructuredDoc(name) {
		value = nil
		if err := util.Unmarshal(content, &value); err != nil {
			return bundle.FileInfo{}, err
		}
	}
	sum, err := hasher.HashFile(value)
	return bundle.NewFile(strings.TrimPrefix(name, "/"), hex.EncodeToString(sum), algorithm), err
}

func signingConfig(q question) (*bundle.SigningConfig, error) {
	if q.Claims == "" {
		return bundle.NewSigningConfig(q.Key, q.Alg, ""), nil
	}
	file, err := os.CreateTemp("", "claims-*.json")
	if err != nil {
		return nil, err
	}
	if _, err := file.WriteString(q.Claims); err != nil {
		return nil, err
	}
	return bundle.NewSigningConfig(q.Key, q.Alg, file.Name()), file.Close()
}
