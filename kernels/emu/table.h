// The kernels by name.
#ifndef VECTORIZER_TABLE_H
#define VECTORIZER_TABLE_H

#include <stddef.h>
#include <string.h>

#include "block.h"
#include "kernels.inc"

namespace emu {

struct Entry {
  const char* name;
  Kernel kernel;
  u32 arg_bytes;
};

#define KERNEL(name, Args) {#name, [](const void* a) { name(*(const Args*)a); }, sizeof(Args)}
static const Entry entries[] = {KERNELS};

// find returns the kernel of at most length characters' name, or nullptr.
inline const Entry* find(const char* name, size_t length) {
  for (auto& e : entries) {
    if (strncmp(e.name, name, length) == 0) return &e;
  }
  return nullptr;
}

}  // namespace emu
#endif
