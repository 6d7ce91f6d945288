package dcmtk

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
)

// UID returns the unique identifier that belongs to the parts: the same for the
// same parts, another for any others. It is a UUID as an OID, below 2.25
// (PS3.5 B.2), made of the parts' SHA-256 (RFC 9562, version 8).
func UID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p)))) // a hash takes all
		h.Write([]byte(p))
	}
	id := h.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(id).String()
}
