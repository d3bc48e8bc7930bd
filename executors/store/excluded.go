package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// An Exclusion keeps jobs away from a node that failed, for a while.
type Exclusion struct {
	Node  string    `json:"node"`
	Why   string    `json:"why"`
	Until time.Time `json:"until"`
}

// excludedDir is the folder with a cluster's exclusions, one file a node.
func (s *Store) excludedDir(cluster string) string { return filepath.Join(s.dir, "excluded", cluster) }

// Exclude keeps jobs on a cluster away from a node until e.Until. A later call
// for the same node replaces the earlier. A name that cannot be a file's is left
// out silently: it is not a node's either.
func (s *Store) Exclude(cluster string, e Exclusion) error {
	if !clusterOK(cluster) || !nameOK(e.Node) {
		return nil
	}
	return s.put(s.excludedDir(cluster), e.Node, jsonLine(e))
}

// Excluded lists the exclusions on a cluster that still hold, by node. Files
// that are not whole are left out.
func (s *Store) Excluded(cluster string) ([]Exclusion, error) {
	if !clusterOK(cluster) {
		return nil, nil
	}
	l, err := jobdir.List(s.excludedDir(cluster))
	if err != nil {
		return nil, err
	}
	var out []Exclusion
	for _, name := range l.Names {
		b, err := l.Read(name)
		if err != nil {
			return nil, err
		}
		var e Exclusion
		if json.Unmarshal(b, &e) == nil && e.Node == name && e.Until.After(s.now()) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Exclusion) int { return cmp.Compare(a.Node, b.Node) })
	return out, nil
}

// siteDir holds what is known of clusters, one file each.
func (s *Store) siteDir() string { return filepath.Join(s.dir, "sites") }

// KeepSite keeps what was found out about a cluster.
func (s *Store) KeepSite(cluster string, profile any) error {
	if !clusterOK(cluster) {
		return nil
	}
	b, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return err
	}
	return s.put(s.siteDir(), cluster+".json", append(b, '\n'))
}

// Site reads what KeepSite kept; false where there is nothing that is whole.
func (s *Store) Site(cluster string, profile any) bool {
	if !clusterOK(cluster) {
		return false
	}
	b, err := jobdir.ReadFile(filepath.Join(s.siteDir(), cluster+".json"))
	return err == nil && b != nil && json.Unmarshal(b, profile) == nil
}

// WriteTables writes files to the store's results folder, that of the simulated
// half for simulated results, and returns the folder. Each file is replaced
// whole.
func (s *Store) WriteTables(simulated bool, files map[string]func(io.Writer) error) (string, error) {
	dir := filepath.Join(s.half(simulated), "results")
	if err := s.mkdirAll(dir); err != nil {
		return "", err
	}
	for name, write := range files {
		if !nameOK(name) {
			return "", fmt.Errorf("%q cannot name a file of results", name)
		}
		if err := jobdir.WriteTo(dir, name, write, 0o644); err != nil {
			return "", err
		}
	}
	return dir, jobdir.SyncDir(dir)
}
