// Command tlog is the other half of tlog.sh: it judges what tlog_peer makes, with
// golang.org/x/mod/sumdb, which shares no code with this project. "tlog sign VKEYFILE" signs a note
// with a key of its own for tlog_peer to judge.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

func hashes(words []string) []tlog.Hash {
	var list []tlog.Hash
	for _, w := range words {
		h, err := tlog.ParseHash(w)
		if err != nil {
			log.Fatal(err)
		}
		list = append(list, h)
	}
	return list
}

// root opens a checkpoint and gives the root it states for size.
func root(text string, size int64, verifiers note.Verifiers) tlog.Hash {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		log.Fatal(err)
	}
	n, err := note.Open(data, verifiers)
	if err != nil {
		log.Fatalf("checkpoint %d: %v", size, err)
	}
	bad := []byte(string(data))
	bad[0] ^= 1
	if _, err := note.Open(bad, verifiers); err == nil {
		log.Fatalf("checkpoint %d: a changed one is accepted", size)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != "example.com/akashi-test" || number(lines[1]) != size {
		log.Fatalf("checkpoint %d: text is %q", size, n.Text)
	}
	return hashes(lines[2:3])[0]
}

func judge() {
	var verifiers note.Verifiers
	roots := map[int64]tlog.Hash{}
	counts := map[string]int{}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		w := strings.Fields(in.Text())
		counts[w[0]]++
		switch w[0] {
		case "vkey":
			v, err := note.NewVerifier(w[1])
			if err != nil {
				log.Fatal(err)
			}
			verifiers = note.VerifierList(v)
		case "checkpoint":
			roots[number(w[1])] = root(w[2], number(w[1]), verifiers)
		case "inclusion":
			i, size := number(w[1]), number(w[2])
			leaf := tlog.RecordHash([]byte(fmt.Sprintf("entry %d", i)))
			proof := tlog.RecordProof(hashes(w[3:]))
			if err := tlog.CheckRecord(proof, size, roots[size], i, leaf); err != nil {
				log.Fatalf("%s: %v", in.Text(), err)
			}
			if tlog.CheckRecord(proof, size, roots[size], i, tlog.Hash{1}) == nil {
				log.Fatalf("%s: another leaf is accepted", in.Text())
			}
		case "consistency":
			old, size := number(w[1]), number(w[2])
			proof := tlog.TreeProof(hashes(w[3:]))
			if err := tlog.CheckTree(proof, size, roots[size], old, roots[old]); err != nil {
				log.Fatalf("%s: %v", in.Text(), err)
			}
			if tlog.CheckTree(proof, size, roots[size], old, tlog.Hash{1}) == nil {
				log.Fatalf("%s: another root is accepted", in.Text())
			}
		default:
			log.Fatalf("unknown line %q", in.Text())
		}
	}
	if in.Err() != nil || counts["checkpoint"] == 0 || counts["inclusion"] == 0 || counts["consistency"] == 0 {
		log.Fatalf("nothing to judge: %v %v", counts, in.Err())
	}
	fmt.Printf("accepted: %d checkpoints, %d inclusion and %d consistency proofs\n",
		counts["checkpoint"], counts["inclusion"], counts["consistency"])
}

func sign(file string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "example.com/go")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		log.Fatal(err)
	}
	data, err := note.Sign(&note.Note{Text: "a text\n\nwith an empty line\n"}, signer)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(vkey), 0o600); err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(data)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 3 && os.Args[1] == "sign" {
		sign(os.Args[2])
		return
	}
	judge()
}
