// The emulated device as a program: it maps the file that is its memory and runs
// the launches that come on standard input. gpu/emu starts it.
//
//	device MEMORY-FILE BYTES   serve; the first reply is the memory's address
//	device --layout            print the argument blocks' layout
//
// A request is 48 bytes (below) followed by the argument block; the reply is a
// 32-bit length and as much text, none if the launch succeeded. A kernel that
// faults ends the process, which is how the caller learns of it.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table.h"

namespace {

struct Request {
  char name[16];
  u32 grid[3], block[3];
  u32 shared_bytes, seed;
  u32 arg_bytes, pad[3];
};

bool read_all(void* p, size_t n) {
  for (auto* at = (char*)p; n > 0;) {
    ssize_t got = read(0, at, n);
    if (got <= 0) return false;
    at += got, n -= (size_t)got;
  }
  return true;
}

void reply(const void* p, u32 n) {
  if (write(1, &n, 4) != 4 || (n > 0 && write(1, p, n) != (ssize_t)n)) _exit(1);
}

const char* run(const Request& r, const void* args) {
  auto* e = emu::find(r.name, sizeof r.name);
  if (!e) return "no such kernel";
  if (e->arg_bytes != r.arg_bytes) return "an argument block of another size";
  emu::Launch l = {e->kernel, {r.grid[0], r.grid[1], r.grid[2]}, {r.block[0], r.block[1], r.block[2]},
                   r.shared_bytes, r.seed, args};
  return emu::launch(l);
}

void print_layout();

int serve(const char* path, size_t bytes) {
  int fd = open(path, O_RDWR);
  if (fd < 0) return perror(path), 1;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return perror("mmap"), 1;
  auto base = (u64)(uintptr_t)memory;
  reply(&base, sizeof base);
  Request r;
  alignas(16) static char args[4096];
  while (read_all(&r, sizeof r)) {
    if (r.arg_bytes > sizeof args || !read_all(args, r.arg_bytes)) return 1;
    const char* error = run(r, args);
    reply(error, error ? (u32)strlen(error) : 0);
  }
  return 0;
}

#define FIELD(S, f) printf(#S " " #f " %zu %zu\n", offsetof(S, f), sizeof(S::f));
void print_layout() {
  LAYOUT
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--layout") == 0) return print_layout(), 0;
  if (argc != 3) return fprintf(stderr, "usage: device MEMORY-FILE BYTES\n"), 2;
  return serve(argv[1], strtoull(argv[2], nullptr, 10));
}
