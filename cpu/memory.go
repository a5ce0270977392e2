package cpu

// unknownBytes is what a machine is taken to have where nothing tells.
const unknownBytes = 64 << 30
