// checklog reads what Fumikura writes with the code of Go's checksum database (golang.org/x/mod/sumdb):
//
//	checklog record VKEY LINE PROOF      an entry under a checkpoint, as show --proof writes it
//	checklog tree VKEY OLD REQUEST       that a checkpoint continues an older one: checkpoint --proof OLD
//
// Only finished proofs are checked, by tlog.CheckRecord and tlog.CheckTree. Exit 1 with a sentence where one does not hold.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "checklog:", err)
		os.Exit(1)
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(err)
	return data
}

func hash(text string) (h tlog.Hash) {
	raw, err := base64.StdEncoding.DecodeString(text)
	check(err)
	if len(raw) != tlog.HashSize {
		check(fmt.Errorf("a hash of %d bytes", len(raw)))
	}
	copy(h[:], raw)
	return
}

// The size and root of a signed note whose name is the key's.
func open(vkey string, text []byte) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(vkey)
	check(err)
	n, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		check(fmt.Errorf("not a checkpoint of %s", verifier.Name()))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	return size, hash(lines[2])
}

// The lines before the first empty one, and what follows it.
func split(text []byte) ([]string, []byte) {
	at := bytes.Index(text, []byte("\n\n"))
	if at < 0 {
		check(fmt.Errorf("no checkpoint in it"))
	}
	return strings.Split(string(text[:at]), "\n"), text[at+2:]
}

func number(line, name string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(line, name+" "), 10, 64)
	check(err)
	return n
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: checklog record|tree VKEY LINE|OLD PROOF|REQUEST")
		os.Exit(2)
	}
	vkey := strings.TrimSpace(string(read(os.Args[2])))
	head, checkpoint := split(read(os.Args[4]))
	size, root := open(vkey, checkpoint)
	var path []tlog.Hash
	if os.Args[1] == "record" {
		for _, line := range head[2:] {
			path = append(path, hash(line))
		}
		check(tlog.CheckRecord(path, size, root, number(head[1], "index"), tlog.RecordHash(read(os.Args[3]))))
	} else {
		old, oldRoot := open(vkey, read(os.Args[3]))
		for _, line := range head[1:] {
			path = append(path, hash(line))
		}
		if number(head[0], "old") != old {
			check(fmt.Errorf("not about that checkpoint"))
		}
		check(tlog.CheckTree(path, size, root, old, oldRoot))
	}
	fmt.Println("ok")
}
