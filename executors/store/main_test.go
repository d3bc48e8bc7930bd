package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// TestMain lets the test binary be another process that works on a store.
func TestMain(m *testing.M) {
	if task := os.Getenv("LLMBENCH_TEST_TASK"); task != "" {
		other(task, os.Getenv("LLMBENCH_TEST_STORE"))
		return
	}
	os.Exit(m.Run())
}

func other(task, dir string) {
	s := Open(dir)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for range 1000 {
		a, err := s.Reserve(testKey, 1)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		switch task {
		case "reserve":
			fmt.Fprintln(out, a.Number)
			if a.Number >= 100 {
				return
			}
		case "prepare":
			if err := a.Prepare(testPrepared(s, a, testAddress)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			if err := s.LinkAddress(testAddress, a); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// Prepare is Fill and Intend.
func (a *Attempt) Prepare(p Prepared) error {
	intent, err := a.Fill(p)
	if err != nil {
		return err
	}
	return a.Intend(intent)
}

// process is another process that does task on a store.
func process(task string, s *Store) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "LLMBENCH_TEST_TASK="+task, "LLMBENCH_TEST_STORE="+s.Dir(), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
