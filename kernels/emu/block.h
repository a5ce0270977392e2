// One launch on the emulated device.
#ifndef VECTORIZER_BLOCK_H
#define VECTORIZER_BLOCK_H

#include "../cuda/args.h"
#include "emu.h"

namespace emu {

typedef void (*Kernel)(const void* args);
typedef const char* Error;

struct Launch {
  Kernel kernel;
  Dim3 grid, block;
  unsigned shared_bytes;
  unsigned seed;  // order of blocks, warps and lanes
  const void* args;
};

// launch runs a kernel to its end. It returns nullptr, or what is wrong with it.
const char* launch(const Launch&);

}  // namespace emu
#endif
