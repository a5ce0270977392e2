# Compares the output of ptxas -v (second file) with the budgets (first file);
# factor allows another compiler so many times the registers, and to spill a little, or what the fifth column says.
BEGIN { if (!factor) factor = 1 }
FNR == NR {
  if ($0 !~ /^#/ && NF >= 4) {
    registers[$1] = $2; shared[$1] = $3; spills[$1] = $4
    if (factor > 1) spills[$1] = NF == 5 ? $5 : $4 + 16
  }
  next
}
/Compiling entry function/ { split($0, part, "'"); kernel = part[2] }
/bytes spill stores/ {
  spilled = 0
  for (i = 2; i <= NF; i++) if ($i == "spill") spilled += $(i - 2)
}
/Used [0-9]+ registers/ {
  used = 0; memory = 0
  for (i = 2; i <= NF; i++) {
    if ($i ~ /^registers/) used = $(i - 1)
    if ($i ~ /^smem/) memory = $(i - 2)
  }
  printf "%-7s %-14s %3d registers %6d bytes shared %4d bytes spilled\n", arch, kernel, used, memory, spilled
  if (!(kernel in registers)) { print kernel ": no budget in kernels/budgets.txt"; bad = 1 }
  else if (used > factor * registers[kernel] || memory > shared[kernel] || spilled > spills[kernel]) {
    printf "%s: beyond its budget of %d registers, %d bytes shared, %d spilled\n",
      kernel, factor * registers[kernel], shared[kernel], spills[kernel]
    bad = 1
  }
  seen[kernel] = 1
}
END {
  for (k in registers) if (!(k in seen)) { print k ": has a budget and does not exist"; bad = 1 }
  exit bad
}
