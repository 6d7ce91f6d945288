package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Digest is the SHA-256 of all that r holds, in lower-case hexadecimal.
func Digest(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("taking a digest: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
