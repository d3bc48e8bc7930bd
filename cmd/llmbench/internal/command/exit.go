package command

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
)

// The exit codes of llmbench.
const (
	exitDone        = 0   // all selected runs have their samples
	exitError       = 1   // error; nothing was started
	exitToDo        = 2   // plan -detailed-exitcode: something to do
	exitFailed      = 3   // a selected run failed, is invalid or blocked; compare -gate: a regression; fmt -check: files differ
	exitGoingOn     = 4   // jobs were started and go on
	exitUnsure      = 5   // compare -gate cannot tell
	exitInterrupted = 130 // SIGINT; jobs go on
	exitTerminated  = 143 // SIGTERM; jobs go on
)

// exitStatus ends the process with a code; what there was to say is said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// errReported is an error that was printed where it happened.
var errReported = exitStatus(exitError)

// codeOf is the exit code for what a command returned, and the message that is
// still to be printed.
func codeOf(err error) (int, string) {
	var status exitStatus
	var end view.ExitCode
	switch {
	case err == nil:
		return exitDone, ""
	case errors.As(err, &status):
		return int(status), ""
	case errors.As(err, &end):
		return end.Code(), ""
	}
	message := err.Error()
	if file := (*fs.PathError)(nil); errors.As(err, &file) { // without the name of the system call
		message = strings.Replace(message, file.Error(), file.Path+": "+file.Err.Error(), 1)
	}
	return exitError, message
}
