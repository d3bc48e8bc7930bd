// Package command has one file a command. A command parses its flags into a
// struct, calls one function and hands what it found to package view, which
// prints documents and tables; questions and lines of progress are printed here.
//
// Exit codes tell the state of what was asked, not of this invocation; see
// exit.go.
package command
