package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// branch is paths that are read only where some equalities hold, or also elsewhere: another branch then says where.
type branch struct {
	When  []equality `json:"when"`
	Input [][]string `json:"input"`
}

const (
	mostBranches = 32
	// what a host compares before it takes a branch
	mostAsked = 2
)

// branchesOf gives all paths that are read, and of those the ones that are read only where equalities hold.
//
// INVARIANT: each `when` asks only what is read unconditionally, so that the host knows which branches count from what is
// in the key anyway.
func (g *guards) branchesOf(f *found) (input [][]string, branches []branch) {
	reads := map[string]*guarded{}
	unconditional := map[string][]string{}
	for key, read := range f.input {
		if _, has := read.when[always]; has {
			unconditional[key] = read.path
		} else {
			reads[key] = &guarded{path: read.path, when: maps.Clone(read.when)}
		}
	}
	known := map[uint32]bool{}
	for _, read := range reads {
		for way := range read.when {
			for _, n := range way {
				known[n] = false
			}
		}
	}
	delete(known, 0)
	// what becomes unconditional may be asked, too
	for again := true; again; {
		again = false
		for n, is := range known {
			known[n] = is || covers(unconditional, g.list[n-1].Path)
		}
		for key, read := range reads {
			for way := range read.when {
				if way.only(func(n uint32) bool { return known[n] }, mostAsked) == always {
					unconditional[key] = read.path
					delete(reads, key)
					again = true
					break
				}
			}
		}
	}
	for _, read := range reads {
		for _, way := range read.all() {
			if way = way.only(func(n uint32) bool { return known[n] }, mostEqualities); !g.never(way) {
				read.add(way)
			}
		}
		read.cut(mostAsked)
	}
	reduceGuarded(reads)
	grouped := g.group(reads, unconditional)
	all := maps.Clone(unconditional)
	input = shortest(unconditional)
	for way, paths := range grouped {
		one := branch{When: []equality{}, Input: shortest(paths)}
		for _, n := range way {
			if n != 0 {
				one.When = append(one.When, g.list[n-1])
			}
		}
		for _, path := range one.Input {
			if key := keyOf(path); all[key] == nil {
				all[key] = path
				input = append(input, path)
			}
		}
		branches = append(branches, one)
	}
	slices.SortFunc(input, slices.Compare)
	slices.SortFunc(branches, func(a, b branch) int {
		return slices.CompareFunc(a.When, b.When, func(x, y equality) int { return strings.Compare(x.id(), y.id()) })
	})
	return input, branches
}

// group gives the paths of each condition. Where there are too many, only the first equality of each counts, and then those
// with the fewest paths are given up: their paths become unconditional.
func (g *guards) group(reads map[string]*guarded, unconditional map[string][]string) map[when]map[string][]string {
	grouped := grouping(reads, unconditional)
	if len(grouped) > mostBranches {
		for _, read := range reads {
			read.cut(1)
		}
		reduceGuarded(reads)
		grouped = grouping(reads, unconditional)
	}
	for len(grouped) > mostBranches {
		ways := slices.Collect(maps.Keys(grouped))
		slices.SortFunc(ways, func(a, b when) int {
			return cmp.Or(cmp.Compare(len(grouped[b]), len(grouped[a])), slices.Compare(a[:], b[:]))
		})
		for _, way := range ways[mostBranches:] {
			maps.Copy(unconditional, grouped[way])
		}
		grouped = grouping(reads, unconditional)
	}
	return grouped
}

func grouping(reads map[string]*guarded, unconditional map[string][]string) map[when]map[string][]string {
	out := map[when]map[string][]string{}
	for key, read := range reads {
		if covers(unconditional, read.path) {
			continue
		}
		for way := range read.when {
			if out[way] == nil {
				out[way] = map[string][]string{}
			}
			out[way][key] = read.path
		}
	}
	return out
}

// never says whether two of the equalities contradict one another: no input meets them.
func (g *guards) never(way when) bool {
	for i, a := range way {
		for _, b := range way[i+1:] {
			if a != 0 && b != 0 && slices.Equal(g.list[a-1].Path, g.list[b-1].Path) {
				return true
			}
		}
	}
	return false
}

// covers says whether a path, or one that holds it, is among others.
func covers(paths map[string][]string, path []string) bool {
	for n := range len(path) + 1 {
		if _, has := paths[keyOf(path[:n])]; has {
			return true
		}
	}
	return false
}
