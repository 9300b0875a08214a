// What a bundle shows, judged by golang.org/x/mod/sumdb: the checkpoint is opened by the log's key, and
// for every entry shown a record proof is put together from the bundle's own hashes and given to
// tlog.CheckRecord.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const entryBytes = 54

// known has the hashes of whole subtrees, [begin, end), that a bundle gives or shows.
type known map[[2]int64]tlog.Hash

// half is where RFC 6962 divides a tree of n leaves: the largest power of two below n.
func half(n int64) int64 {
	k := int64(1)
	for k*2 < n {
		k *= 2
	}
	return k
}

func (k known) hash(begin, end int64) tlog.Hash {
	if h, found := k[[2]int64{begin, end}]; found {
		return h
	}
	if end-begin < 2 {
		log.Fatalf("the bundle gives no hash for entry %d", begin)
	}
	middle := begin + half(end-begin)
	h := tlog.NodeHash(k.hash(begin, middle), k.hash(middle, end))
	k[[2]int64{begin, end}] = h
	return h
}

// proof is the path of RFC 6962 2.1.1 from an entry up to [begin, end).
func (k known) proof(begin, end, index int64) tlog.RecordProof {
	if end-begin == 1 {
		return nil
	}
	middle := begin + half(end-begin)
	if index < middle {
		return append(k.proof(begin, middle, index), k.hash(middle, end))
	}
	return append(k.proof(middle, end, index), k.hash(begin, middle))
}

func read(dir, name string) string {
	data, err := os.ReadFile(dir + "/" + name)
	if err != nil {
		log.Fatal(err)
	}
	return string(data)
}

// load reads proof and entries as docs/format.md 14.4 says; it gives the indices shown.
func load(dir string, size int64) (known, []int64) {
	k := known{}
	var shown []int64
	lines := strings.Split(strings.TrimSuffix(read(dir, "proof"), "\n"), "\n")
	entries := read(dir, "entries")
	if lines[0] != "akashi/bundle/v1" || number(lines[1]) != size {
		log.Fatalf("%s: proof is not for the checkpoint", dir)
	}
	lines = lines[2:]
	at := int64(0)
	for len(lines) > 0 {
		word, count, _ := strings.Cut(lines[0], " ")
		end := at + number(count)
		lines = lines[1:]
		for word == "show" && at < end {
			k[[2]int64{at, at + 1}] = tlog.RecordHash([]byte(entries[:entryBytes]))
			entries = entries[entryBytes:]
			shown = append(shown, at)
			at++
		}
		for at < end {
			n := int64(1)
			for at%(2*n) == 0 && at+2*n <= end {
				n *= 2
			}
			k[[2]int64{at, at + n}] = hashes(lines[:1])[0]
			lines = lines[1:]
			at += n
		}
	}
	if at != size || entries != "" {
		log.Fatalf("%s: proof and entries do not end together", dir)
	}
	return k, shown
}

func judgeBundle(dir string, logKey note.Verifier) int {
	n, err := note.Open([]byte(read(dir, "checkpoint")), note.VerifierList(logKey))
	if err != nil || len(n.Sigs) != 1 {
		log.Fatalf("%s: checkpoint is not signed by the log: %v", dir, err)
	}
	text := strings.Split(n.Text, "\n")
	size, root := number(text[1]), hashes(text[2:3])[0]
	k, shown := load(dir, size)
	for _, index := range shown {
		leaf, proof := k[[2]int64{index, index + 1}], k.proof(0, size, index)
		if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
			log.Fatalf("%s: entry %d: %v", dir, index, err)
		}
		if tlog.CheckRecord(proof, size, root, index, tlog.Hash{1}) == nil {
			log.Fatalf("%s: another entry %d is accepted", dir, index)
		}
	}
	return len(shown)
}

func judgeBundles(vkey string, dirs []string) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		log.Fatal(err)
	}
	count := 0
	for _, dir := range dirs {
		count += judgeBundle(dir, v)
	}
	fmt.Printf("accepted: %d entries of %d bundles\n", count, len(dirs))
}
