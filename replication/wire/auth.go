package wire

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrAuth says that a peer does not know the secret.
var ErrAuth = errors.New("wire: peer is not authenticated")

// Both sides prove that they know the secret without sending it: each signs the
// other's nonce and its own role, so that an answer cannot be played back or
// reflected (the scheme of RFC 5802 without the password hashing: the secret is
// not a password).
//
//	server: Challenge{version, nonce}
//	client: Proof{nonce, HMAC-SHA256(secret, "client" nonceS nonceC)}
//	server: Confirm{HMAC-SHA256(secret, "server" nonceS nonceC)}

func proof(secret []byte, role string, server, client []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("vectorizer replication 1 " + role))
	h.Write(server)
	h.Write(client)
	return h.Sum(nil)
}

// Admit authenticates the peer that opened a connection. Nothing but a nonce is
// sent before the peer has proved itself.
func Admit(r *Reader, w *Writer, secret []byte) error {
	server := make([]byte, nonceBytes)
	if _, err := rand.Read(server); err != nil {
		return err
	}
	if err := w.frame(kindChallenge, func(b []byte) []byte { return append(b, server...) }); err != nil {
		return err
	}
	b, err := r.expect(kindProof, nonceBytes+sha256.Size)
	if err != nil {
		return err
	}
	client := append([]byte(nil), b[:nonceBytes]...)
	if !hmac.Equal(b[nonceBytes:], proof(secret, "client", server, client)) {
		return ErrAuth
	}
	return w.frame(kindConfirm, func(b []byte) []byte {
		return append(b, proof(secret, "server", server, client)...)
	})
}

// Enter authenticates with the peer that was dialled, and the peer with us.
func Enter(r *Reader, w *Writer, secret []byte) error {
	b, err := r.expect(kindChallenge, nonceBytes)
	if err != nil {
		return err
	}
	server := append([]byte(nil), b...)
	client := make([]byte, nonceBytes)
	if _, err := rand.Read(client); err != nil {
		return err
	}
	err = w.frame(kindProof, func(b []byte) []byte {
		return append(append(b, client...), proof(secret, "client", server, client)...)
	})
	if err != nil {
		return err
	}
	if b, err = r.expect(kindConfirm, sha256.Size); err != nil {
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	if !hmac.Equal(b, proof(secret, "server", server, client)) {
		return ErrAuth
	}
	return nil
}

// expect reads a frame of one kind and size.
func (r *Reader) expect(kind byte, size int) ([]byte, error) {
	got, b, err := r.frame()
	if err != nil {
		return nil, err
	}
	if got != kind || len(b) != size {
		return nil, fmt.Errorf("%w: kind %d of %d bytes", ErrBody, got, len(b))
	}
	return b, nil
}
