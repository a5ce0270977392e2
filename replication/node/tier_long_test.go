//go:build long

package node

// seamRounds is how often something happens in TestSeams.
const seamRounds = 500
