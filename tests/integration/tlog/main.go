// Command tlog is the other half of tlog.sh: it judges what tlog_peer makes, with
// golang.org/x/mod/sumdb, which shares no code with this project. "tlog sign VKEYFILE" signs a note
// with a key of its own for tlog_peer to judge. "tlog proof VKEY FILE..." judges proofs that
// akashi-verify wrote, each with its start note in FILE.epoch. "tlog cosign KEYFILE TIME OUT" signs
// the checkpoint on standard input with a private key that akashi-verify made, as a witness does (C2SP
// tlog-cosignature), and prints the witness's vkey; "tlog cosigned LOGVKEY WITNESSVKEY FILE" opens such
// a checkpoint; "tlog open VKEY FILE" opens a signed custody record; "tlog bundle VKEY DIR..."
// judges bundles (bundle.go).
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
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

// epochKey gives the name and the verifier of the epoch's key, as a start note tells them.
func epochKey(file string) (string, note.Verifier) {
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	key, err := base64.StdEncoding.DecodeString(lines[7])
	if err != nil {
		log.Fatal(err)
	}
	name := lines[1] + "/epoch/" + lines[2]
	vkey, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		log.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		log.Fatal(err)
	}
	return name, v
}

// judgeProof reads a tlog-proof file by its specification and has Go judge note and inclusion.
func judgeProof(file string, logKey note.Verifier) {
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		log.Fatalf("%s: no tlog-proof with extra data", file)
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil || len(extra) != 54+16 {
		log.Fatalf("%s: extra data: %v", file, err)
	}
	name, epoch := epochKey(file + ".epoch")
	n, err := note.Open([]byte(checkpoint), note.VerifierList(logKey, epoch))
	if err != nil || len(n.Sigs) != 2 {
		log.Fatalf("%s: checkpoint is not signed by the log and %s: %v", file, name, err)
	}
	text := strings.Split(n.Text, "\n")
	if len(text) != 4 || text[0] != logKey.Name() {
		log.Fatalf("%s: text is %q", file, n.Text)
	}
	size, index := number(text[1]), number(strings.TrimPrefix(lines[2], "index "))
	proof := tlog.RecordProof(hashes(lines[3:]))
	root := hashes(text[2:3])[0]
	if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(extra[:54])); err != nil {
		log.Fatalf("%s: %v", file, err)
	}
	extra[11] ^= 1
	if tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(extra[:54])) == nil {
		log.Fatalf("%s: another entry is accepted", file)
	}
}

// witness is a cosigner: its signature is a time and an Ed25519 signature over time and text.
type witness struct {
	name string
	key  ed25519.PublicKey
	priv ed25519.PrivateKey
	time uint64
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.key...))
	return binary.BigEndian.Uint32(h[:])
}

func message(time uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), text...)
}

func (w witness) Sign(text []byte) ([]byte, error) {
	sig := binary.BigEndian.AppendUint64(nil, w.time)
	return append(sig, ed25519.Sign(w.priv, message(w.time, text))...), nil
}

func (w witness) Verify(text, sig []byte) bool {
	return len(sig) == 72 &&
		ed25519.Verify(w.key, message(binary.BigEndian.Uint64(sig), text), sig[8:])
}

func cosign(keyFile, time, out string) {
	data, err := os.ReadFile(keyFile)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := note.NewSigner(strings.TrimSuffix(string(data), "\n")); err != nil {
		log.Fatalf("%s: Go does not take it as a private key: %v", keyFile, err)
	}
	fields := strings.SplitN(string(data), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(fields[4], "\n"))
	if err != nil {
		log.Fatal(err)
	}
	priv := ed25519.NewKeyFromSeed(seed[1:])
	w := witness{fields[2], priv.Public().(ed25519.PublicKey), priv, uint64(number(time))}
	checkpoint, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	line, err := note.Sign(&note.Note{Text: text + "\n"}, w)
	if err != nil {
		log.Fatal(err)
	}
	_, line1, _ := strings.Cut(string(line), "\n\n")
	if err := os.WriteFile(out, append(checkpoint, line1...), 0o600); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s+%08x+%s\n", w.name, w.KeyHash(),
		base64.StdEncoding.EncodeToString(append([]byte{4}, w.key...)))
}

func cosigned(logVkey, witnessVkey, file string) {
	logKey, err := note.NewVerifier(logVkey)
	if err != nil {
		log.Fatal(err)
	}
	fields := strings.SplitN(witnessVkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		log.Fatalf("%s: no witness's key", witnessVkey)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	w := witness{name: fields[0], key: key[1:]}
	n, err := note.Open(data, note.VerifierList(logKey, w))
	if err != nil || len(n.Sigs) != 2 {
		log.Fatalf("%s: not signed by the log and by %s: %v", file, w.name, err)
	}
	data[0] ^= 1
	if _, err := note.Open(data, note.VerifierList(logKey, w)); err == nil {
		log.Fatalf("%s: a changed one is accepted", file)
	}
	fmt.Printf("opened: a checkpoint of %s, cosigned by %s\n", n.Sigs[0].Name, n.Sigs[1].Name)
}

// open opens a note that a person signed with a key that akashi-verify made.
func open(vkey, file string) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	n, err := note.Open(data, note.VerifierList(v))
	if err != nil || len(n.Sigs) != 1 || !strings.HasPrefix(n.Text, "akashi/custody/v1\n") {
		log.Fatalf("%s: no custody record of %s: %v", file, v.Name(), err)
	}
	fmt.Printf("opened: a custody record signed by %s\n", v.Name())
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 5 && os.Args[1] == "cosign" {
		cosign(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "bundle" {
		judgeBundles(os.Args[2], os.Args[3:])
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "open" {
		open(os.Args[2], os.Args[3])
		return
	}
	if len(os.Args) == 5 && os.Args[1] == "cosigned" {
		cosigned(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "sign" {
		sign(os.Args[2])
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "proof" {
		v, err := note.NewVerifier(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		for _, file := range os.Args[3:] {
			judgeProof(file, v)
		}
		fmt.Printf("accepted: %d proofs of entries\n", len(os.Args)-3)
		return
	}
	judge()
}
