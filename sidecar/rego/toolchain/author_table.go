package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/open-policy-agent/opa/v1/util"
)

// drawTable draws a table as OPA's commands do. Without a header rows are parted by lines where parted says so.
func drawTable(w io.Writer, header []string, rows [][]string, parted bool) {
	widths := []int{}
	grow := func(row []string) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			for line := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], width(line))
			}
		}
	}
	grow(header)
	for _, row := range rows {
		grow(row)
	}
	rule := func(left, middle, right string) {
		parts := make([]string, len(widths))
		for i, n := range widths {
			parts[i] = strings.Repeat("─", n+2)
		}
		fmt.Fprintf(w, "%s%s%s\n", left, strings.Join(parts, middle), right)
	}
	rule("┌", "┬", "┐")
	if len(header) > 0 {
		for i, cell := range header {
			free := widths[i] + 2 - width(cell)
			fmt.Fprintf(w, "│%s%s%s", strings.Repeat(" ", free/2), cell, strings.Repeat(" ", free-free/2))
		}
		fmt.Fprint(w, "│\n")
		if len(rows) > 0 {
			rule("├", "┼", "┤")
		}
	}
	for n, row := range rows {
		if n > 0 && parted {
			rule("├", "┼", "┤")
		}
		cells, height := make([][]string, len(row)), 1
		for i, cell := range row {
			cells[i] = strings.Split(cell, "\n")
			height = max(height, len(cells[i]))
		}
		for line := range height {
			for i := range widths {
				text := ""
				if i < len(cells) && line < len(cells[i]) {
					text = cells[i][line]
				}
				fmt.Fprintf(w, "│ %s%s ", text, strings.Repeat(" ", widths[i]-width(text)))
			}
			fmt.Fprint(w, "│\n")
		}
	}
	rule("└", "┴", "┘")
}

// width tells how many columns of a terminal a text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) || unicode.Is(unicode.Cf, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}

const (
	widestField = 50
	widestPage  = 80
)

func shorten(text string, most int) string {
	if len(text) < most {
		return text
	}
	return text[:most-3] + "..."
}

// shortenPath leaves out of a path's middle what is too much, as OPA does.
func shortenPath(text string) string {
	if len(text) < widestField {
		return text
	}
	middle := strings.TrimPrefix(text[:max(0, strings.LastIndex(text, "/"))], "/")
	if slash := strings.Index(middle, "/"); slash > 0 {
		middle = middle[slash+1:]
	}
	if spare := widestField - (len(text) - len(middle) + 3); spare > 0 {
		middle = middle[:max(0, len(middle)-spare)]
	}
	if len(middle) <= 3 {
		return text
	}
	return strings.Replace(text, middle, "...", 1)
}

// merged leaves out of the first column what stands in the row above.
func merged(rows [][]string) [][]string {
	out, above := make([][]string, len(rows)), ""
	for i, row := range rows {
		out[i] = append([]string{}, row...)
		if i > 0 && row[0] == above {
			out[i][0] = ""
		}
		above = row[0]
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return util.KeysSorted(m) }
