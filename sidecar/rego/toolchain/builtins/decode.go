package main

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Deepest nesting that is read or written; OPA's own parser stops at the same order of depth.
const maxDepth = 10_000

var (
	errSyntax = errors.New("no value in OPA's syntax")
	errDepth  = errors.New("nested too deeply")
)

// decoder reads what opa_value_dump writes: JSON, sets as {a, b} and set(), objects with keys of any type.
type decoder struct {
	text  string
	at    int
	depth int
}

// unwind empties the host's stack now and then: it is much smaller than Go's, and resumed functions don't stand on it.
func unwind(depth int) {
	if depth%256 == 0 {
		runtime.Gosched()
	}
}

func decode(text string) (*ast.Term, error) {
	d := decoder{text: text}
	term, err := d.value()
	if err != nil {
		return nil, err
	}
	return term, d.end()
}

// decodeArguments reads an array and gives its elements.
func decodeArguments(text string) ([]*ast.Term, error) {
	d := decoder{text: text}
	if d.next() != '[' {
		return nil, errSyntax
	}
	d.at++
	terms, err := d.list(']')
	if err != nil {
		return nil, err
	}
	return terms, d.end()
}

func (d *decoder) end() error {
	if d.next() != 0 || d.at < len(d.text) {
		return errSyntax
	}
	return nil
}

// next gives the next byte that is no space, and 0 at the end.
func (d *decoder) next() byte {
	for d.at < len(d.text) {
		switch c := d.text[d.at]; c {
		case ' ', '\n', '\r', '\t':
			d.at++
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) word(word string) error {
	if !strings.HasPrefix(d.text[d.at:], word) {
		return errSyntax
	}
	d.at += len(word)
	return nil
}

func (d *decoder) value() (*ast.Term, error) {
	switch c := d.next(); c {
	case '"':
		text, err := d.str()
		if err != nil {
			return nil, err
		}
		return ast.InternedTerm(text), nil
	case '{', '[':
		if d.depth++; d.depth > maxDepth {
			return nil, errDepth
		}
		unwind(d.depth)
		d.at++
		var term *ast.Term
		var err error
		if c == '[' {
			term, err = d.array()
		} else {
			term, err = d.braces()
		}
		d.depth--
		return term, err
	case 'n':
		return ast.InternedNullTerm, d.word("null")
	case 't':
		return ast.InternedTerm(true), d.word("true")
	case 'f':
		return ast.InternedTerm(false), d.word("false")
	case 's':
		return ast.SetTerm(), d.word("set()")
	default:
		return d.number()
	}
}

// list reads values up to the closing byte.
func (d *decoder) list(closing byte) ([]*ast.Term, error) {
	if d.next() == closing {
		d.at++
		return nil, nil
	}
	var terms []*ast.Term
	for {
		term, err := d.value()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		switch d.next() {
		case ',':
			d.at++
		case closing:
			d.at++
			return terms, nil
		default:
			return nil, errSyntax
		}
	}
}

func (d *decoder) array() (*ast.Term, error) {
	terms, err := d.list(']')
	if err != nil {
		return nil, err
	}
	return ast.ArrayTerm(terms...), nil
}

// braces reads an object or a set, behind the opening brace.
func (d *decoder) braces() (*ast.Term, error) {
	if d.next() == '}' {
		d.at++
		return ast.ObjectTerm(), nil
	}
	first, err := d.value()
	if err != nil {
		return nil, err
	}
	switch d.next() {
	case ':':
		return d.object(first)
	case '}':
		d.at++
		return ast.SetTerm(first), nil
	case ',':
		d.at++
		rest, err := d.list('}')
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			return nil, errSyntax
		}
		return ast.SetTerm(append(rest, first)...), nil
	}
	return nil, errSyntax
}

// object reads an object, behind its first key.
func (d *decoder) object(key *ast.Term) (*ast.Term, error) {
	var items [][2]*ast.Term
	for {
		d.at++
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, [2]*ast.Term{key, value})
		switch d.next() {
		case '}':
			d.at++
			return ast.ObjectTerm(items...), nil
		case ',':
			d.at++
		default:
			return nil, errSyntax
		}
		if key, err = d.value(); err != nil {
			return nil, err
		}
		if d.next() != ':' {
			return nil, errSyntax
		}
	}
}

// number reads a number of JSON's and keeps its text.
func (d *decoder) number() (*ast.Term, error) {
	from := d.at
	if d.peek() == '-' {
		d.at++
	}
	if d.peek() == '0' {
		d.at++
	} else if !d.digits() {
		return nil, errSyntax
	}
	whole := true
	if d.peek() == '.' {
		whole = false
		d.at++
		if !d.digits() {
			return nil, errSyntax
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		whole = false
		d.at++
		if c := d.peek(); c == '+' || c == '-' {
			d.at++
		}
		if !d.digits() {
			return nil, errSyntax
		}
	}
	text := d.text[from:d.at]
	if whole && len(text) <= 3 {
		if term := ast.InternedIntNumberTermFromString(text); term != nil {
			return term, nil
		}
	}
	return ast.NumberTerm(json.Number(text)), nil
}

func (d *decoder) peek() byte {
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

func (d *decoder) digits() bool {
	from := d.at
	for d.at < len(d.text) && d.text[d.at]-'0' <= 9 {
		d.at++
	}
	return d.at > from
}

// str reads a string; bytes that are no UTF-8 stay as they are.
func (d *decoder) str() (string, error) {
	from := d.at + 1
	for at := from; at < len(d.text); at++ {
		switch c := d.text[at]; {
		case c == '"':
			d.at = at + 1
			return d.text[from:at], nil
		case c == '\\':
			return d.escaped(from, at)
		case c < ' ':
			return "", errSyntax
		}
	}
	return "", errSyntax
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped goes on with a string in which an escape has been found.
func (d *decoder) escaped(from, at int) (string, error) {
	out := append(make([]byte, 0, at-from+32), d.text[from:at]...)
	for at < len(d.text) {
		c := d.text[at]
		switch {
		case c == '"':
			d.at = at + 1
			return string(out), nil
		case c < ' ':
			return "", errSyntax
		case c != '\\':
			out = append(out, c)
			at++
			continue
		}
		if at+1 >= len(d.text) {
			return "", errSyntax
		}
		if plain := escapes[d.text[at+1]]; plain != 0 {
			out = append(out, plain)
			at += 2
			continue
		}
		unit, ok := d.unit(at)
		if !ok {
			return "", errSyntax
		}
		at += 6
		if utf16.IsSurrogate(unit) {
			low, ok := d.unit(at)
			if pair := utf16.DecodeRune(unit, low); ok && pair != utf8.RuneError {
				unit = pair
				at += 6
			}
		}
		out = utf8.AppendRune(out, unit)
	}
	return "", errSyntax
}

// unit reads \uXXXX.
func (d *decoder) unit(at int) (rune, bool) {
	if at+6 > len(d.text) || d.text[at] != '\\' || d.text[at+1] != 'u' {
		return 0, false
	}
	unit := rune(0)
	for _, c := range []byte(d.text[at+2 : at+6]) {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}
