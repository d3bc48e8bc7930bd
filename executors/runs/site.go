package runs

import (
	"encoding/json"
	"path/filepath"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// siteDir holds what is known of clusters, one file each.
func (s *Store) siteDir() string { return filepath.Join(s.dir, "sites") }

// KeepSite keeps what was found out about a cluster.
func (s *Store) KeepSite(cluster string, profile any) error {
	if !clusterOK(cluster) {
		return nil
	}
	if err := s.mkdirAll(s.siteDir()); err != nil {
		return err
	}
	b, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return err
	}
	return jobdir.ReplaceFile(s.siteDir(), cluster+".json", append(b, '\n'), 0o644)
}

// Site reads what KeepSite kept; false where there is nothing that is whole.
func (s *Store) Site(cluster string, profile any) bool {
	if !clusterOK(cluster) {
		return false
	}
	b, err := jobdir.ReadFile(filepath.Join(s.siteDir(), cluster+".json"))
	return err == nil && b != nil && json.Unmarshal(b, profile) == nil
}
