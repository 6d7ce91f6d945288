//go:build long

package network

const long = true
