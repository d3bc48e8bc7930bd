package slurm

import (
	"context"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
)

// queueFormat asks for whole columns; what may hold anything stands last.
const queueFormat = "JobID:0|,Name:0|,State:0|,exit_code:0|,SubmitTime:0|,StartTime:0|,NodeList:0|,Reason:0|"

// A row is one job as squeue or sacct tells it.
type row struct {
	id, name, state, exit, submit, start, nodes, reason string
}

// base is the state's first word: sacct says "CANCELLED by 0".
func (r row) base() string {
	word, _, _ := strings.Cut(r.state, " ")
	return strings.TrimRight(word, "+")
}

// submitted reports whether the job can be the one that was intended at since.
// Slurm counts in whole seconds.
func (r row) submitted(since time.Time) bool {
	t, err := time.ParseInLocation("2006-01-02T15:04:05", r.submit, time.Local)
	return err != nil || since.IsZero() || t.After(since.Add(-5*time.Minute))
}

// parseQueue reads squeue's answer. Lines that are not whole are left out.
func parseQueue(out string) []row {
	var rows []row
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "|", 8)
		if len(f) < 8 || !isID(f[0]) {
			continue
		}
		rows = append(rows, row{
			id: f[0], name: f[1], state: f[2], exit: f[3], submit: f[4], start: f[5], nodes: f[6],
			reason: strings.TrimSuffix(f[7], "|"),
		})
	}
	return rows
}

// squeue asks once about all of the user's jobs.
func (e *Executor) squeue(ctx context.Context) ([]row, error) {
	out, err := e.askQueue(ctx)
	if err != nil {
		return nil, err
	}
	return parseQueue(out), nil
}

func (e *Executor) askQueue(ctx context.Context) (string, error) {
	return e.run(ctx, queryTimeout, "", e.on("squeue", "--me", "-a", "-r", "-h", "-t", "all", "-O", queueFormat)...)
}

// Poll implements executors.Executor with one squeue, which may be another
// process's. Only jobs that it does not know are asked about one by one.
func (e *Executor) Poll(ctx context.Context, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	out, err := e.shared.get(ctx, e.askQueue)
	if err != nil {
		return nil, err
	}
	return e.statuses(ctx, parseQueue(out), handles)
}

func (e *Executor) statuses(ctx context.Context, rows []row, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	byID := map[string]row{}
	for _, r := range rows {
		byID[r.id] = r
	}
	out := map[executors.Handle]executors.Status{}
	for _, h := range handles {
		parts, err := parseHandle(h)
		if err != nil {
			return nil, err
		}
		if r, ok := byID[parts.id]; ok && r.name == parts.name {
			e.seen(h)
			if s, known := e.status(r); known {
				out[h] = s
			}
			continue
		}
		if s, known := e.gone(ctx, h, parts); known {
			out[h] = s
		}
	}
	return out, nil
}

func (e *Executor) seen(h executors.Handle) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.absent, h)
}

// gone asks scontrol, then sacct, about a job that squeue does not know; after a
// while without an answer it is lost.
func (e *Executor) gone(ctx context.Context, h executors.Handle, parts handle) (executors.Status, bool) {
	if r, ok := e.scontrol(ctx, parts); ok {
		return e.status(r)
	}
	if r, ok := e.sacct(ctx, parts); ok {
		if s, known := e.status(r); known && s.State == executors.Ended {
			return s, true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	since, ok := e.absent[h]
	if !ok {
		since = time.Now()
		e.absent[h] = since
	}
	if time.Since(since) < e.LostAfter {
		return executors.Status{}, false
	}
	return executors.Status{State: executors.Ended, End: executors.Lost, JobID: parts.id, Raw: "unknown to Slurm"}, true
}

func (e *Executor) scontrol(ctx context.Context, h handle) (row, bool) {
	out, err := e.run(ctx, queryTimeout, "", e.on("scontrol", "-o", "show", "job", h.id)...)
	if err != nil {
		return row{}, false
	}
	fields := map[string]string{}
	for word := range strings.FieldsSeq(out) {
		if k, v, ok := strings.Cut(word, "="); ok {
			if _, dup := fields[k]; !dup {
				fields[k] = v
			}
		}
	}
	r := row{
		id: fields["JobId"], name: fields["JobName"], state: fields["JobState"], exit: fields["ExitCode"],
		submit: fields["SubmitTime"], start: fields["StartTime"], nodes: fields["NodeList"], reason: fields["Reason"],
	}
	return r, r.id == h.id && r.name == h.name
}

func (e *Executor) sacct(ctx context.Context, h handle) (row, bool) {
	out, err := e.run(ctx, queryTimeout, "", e.on("sacct", "-D", "-X", "-n", "-P", "-j", h.id, "-o", "JobID,JobName,State,ExitCode,Submit,Start,NodeList")...)
	if err != nil {
		return row{}, false
	}
	var newest row
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 7 || f[0] != h.id || f[1] != h.name || f[4] < newest.submit {
			continue
		}
		newest = row{id: f[0], name: f[1], state: f[2], exit: f[3], submit: f[4], start: f[5], nodes: f[6]}
	}
	return newest, newest.id != ""
}
