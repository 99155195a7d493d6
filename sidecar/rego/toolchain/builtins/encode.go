package main

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

func valid(text string) bool { return utf8.ValidString(text) }

// encode appends a value as opa_value_parse reads it: strings with \u00XX where JSON asks for an escape, sets as {a, b}
// and set(), numbers with all digits. Bytes that are no UTF-8 become U+FFFD, as in OPA's JSON.
func encode(to []byte, value ast.Value, depth int) ([]byte, error) {
	if len(to) > resultBytes || depth > maxDepth {
		return nil, errTooLarge
	}
	if depth > 0 {
		unwind(depth)
	}
	switch value := value.(type) {
	case ast.Null:
		return append(to, "null"...), nil
	case ast.Boolean:
		if value {
			return append(to, "true"...), nil
		}
		return append(to, "false"...), nil
	case ast.Number:
		return encodeNumber(to, string(value))
	case ast.String:
		return encodeString(to, string(value))
	case *ast.Array:
		return encodeArray(to, value, depth)
	case ast.Set:
		return encodeSet(to, value, depth)
	case ast.Object:
		return encodeObject(to, value, depth)
	}
	panic("a result that is no value")
}

func encodeArray(to []byte, array *ast.Array, depth int) (_ []byte, err error) {
	to = append(to, '[')
	for i := range array.Len() {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = encode(to, array.Elem(i).Value, depth+1); err != nil {
			return nil, err
		}
	}
	return append(to, ']'), nil
}

func encodeSet(to []byte, set ast.Set, depth int) ([]byte, error) {
	if set.Len() == 0 {
		return append(to, "set()"...), nil
	}
	to = append(to, '{')
	first := true
	err := set.Iter(func(item *ast.Term) (err error) {
		if !first {
			to = append(to, ',')
		}
		first = false
		to, err = encode(to, item.Value, depth+1)
		return err
	})
	return append(to, '}'), err
}

func encodeObject(to []byte, object ast.Object, depth int) ([]byte, error) {
	to = append(to, '{')
	first := true
	err := object.Iter(func(key, value *ast.Term) (err error) {
		if !first {
			to = append(to, ',')
		}
		first = false
		if to, err = encode(to, key.Value, depth+1); err != nil {
			return err
		}
		to, err = encode(append(to, ':'), value.Value, depth+1)
		return err
	})
	return append(to, '}'), err
}

// encodeNumber appends a number's own text; what isn't JSON's (+Inf) can't be said.
func encodeNumber(to []byte, text string) ([]byte, error) {
	if d := (decoder{text: text}); text == "" {
		panic("a number without text")
	} else if _, err := d.number(); err != nil || d.at < len(text) {
		return encodeFloat(to, text)
	}
	return append(to, text...), nil
}

// encodeFloat appends a number that Go wrote in another way than JSON.
func encodeFloat(to []byte, text string) ([]byte, error) {
	value, err := json.Number(text).Float64()
	if err != nil {
		panic("a result that is no number")
	}
	written, err := json.Marshal(value)
	if err != nil {
		panic("a result that is no number")
	}
	return append(to, written...), nil
}

const hexDigits = "0123456789abcdef"

func encodeString(to []byte, text string) ([]byte, error) {
	if len(to)+len(text) > resultBytes {
		return nil, errTooLarge
	}
	to = append(to, '"')
	from := 0
	for at := 0; at < len(text); {
		c := text[at]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			at++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[at:])
			if r != utf8.RuneError || size > 1 {
				at += size
				continue
			}
			to = append(append(to, text[from:at]...), "\uFFFD"...)
		} else {
			to = append(to, text[from:at]...)
			if c == '"' || c == '\\' {
				to = append(to, '\\', c)
			} else {
				to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		at++
		from = at
	}
	return append(append(to, text[from:]...), '"'), nil
}
