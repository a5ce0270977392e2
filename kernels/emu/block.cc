// Runs the threads of a block as fibers.
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "../cuda/args.h"
#include "emu.h"
#include "fiber.h"

namespace emu {

Dim3 block_dim, grid_dim;

namespace {

enum class State { running, at_warp, at_block, done };

struct Copy {
  void* dst;
  const void* src;
};

struct Thread : Lane {
  Fiber fiber;
  State state;
  unsigned warp;
  unsigned exchange;  // which of the warp's slots is next
  std::vector<Copy> copies;    // in order; those before `copied` are done
  std::vector<size_t> groups;  // ends of the committed groups that are under way
  size_t copied;
};

constexpr size_t stack_bytes = 64 << 10;

struct Machine {
  std::vector<Thread> threads;
  std::vector<unsigned char> stacks, shared;
  std::vector<Slots> slots;  // two a warp
  Thread* now = nullptr;
  Kernel kernel = nullptr;
  const void* args = nullptr;
  Error error = nullptr;
};

Machine machine;

unsigned threads_of(Dim3 d) { return d.x * d.y * d.z; }

void run_copies(Thread& t, size_t keep) {
  if (t.groups.size() <= keep) return;
  size_t last = t.groups.size() - keep;
  for (; t.copied < t.groups[last - 1]; t.copied++) memcpy(t.copies[t.copied].dst, t.copies[t.copied].src, 16);
  t.groups.erase(t.groups.begin(), t.groups.begin() + (ptrdiff_t)last);
}

void entry() {
#if defined(__SANITIZE_ADDRESS__)
  arrived(&machine.now->fiber);
#endif
  Thread& t = *machine.now;
  try {
    machine.kernel(machine.args);
  } catch (Error e) {  // cannot unwind beyond this stack: step_warp throws it on
    machine.error = e;
  }
  t.state = State::done;
  for (;;) t.fiber.leave();
}

void wait(State s) {
  Thread& t = *machine.now;
  t.state = s;
  t.fiber.leave();
}

// step_warp runs every thread of the warp that can run until none can.
bool step_warp(unsigned first, unsigned count, bool reversed) {
  bool moved = false;
  for (bool again = true; again;) {
    again = false;
    unsigned waiting = 0, gone = 0;
    for (unsigned i = 0; i < count; i++) {
      Thread& t = machine.threads[first + (reversed ? count - 1 - i : i)];
      if (t.state == State::running) {
        machine.now = &t;
        t.fiber.enter();
        if (machine.error) throw machine.error;
        moved = true;
      }
      waiting += t.state == State::at_warp;
      gone += t.state == State::done;
    }
    if (waiting == count) {
      for (unsigned i = 0; i < count; i++) machine.threads[first + i].state = State::running;
      again = true;
    } else if (waiting > 0 && waiting + gone == count) {
      fail("a warp barrier that threads which returned do not reach");
    }
  }
  return moved;
}

void run_block(unsigned seed) {
  auto& all = machine.threads;
  unsigned warps = (unsigned)(all.size() + 31) / 32;
  for (;;) {
    bool moved = false;
    unsigned at_block = 0, done = 0;
    for (unsigned w = 0; w < warps; w++) {
      unsigned first = 32 * (seed & 1 ? warps - 1 - w : w);
      unsigned count = std::min<unsigned>(32, (unsigned)all.size() - first);
      moved |= step_warp(first, count, seed & 2);
    }
    for (auto& t : all) at_block += t.state == State::at_block, done += t.state == State::done;
    if (done == all.size()) return;
    if (at_block > 0 && at_block + done == all.size()) {
      // A barrier counts the threads that are left, as the hardware does.
      for (auto& t : all) {
        if (t.state == State::at_block) t.state = State::running;
      }
      continue;
    }
    if (!moved) fail("threads wait at different barriers");
  }
}

}  // namespace

const Lane& self() { return *machine.now; }
unsigned char* shared_memory() { return machine.shared.data(); }
void block_barrier() { wait(State::at_block); }

void warp_barrier(unsigned mask) {
  if (mask != FULL) fail("a warp operation with a partial mask");
  wait(State::at_warp);
  machine.now->exchange ^= 1;
}

// Before the barrier the slot is the one that is being filled, after it the same
// one is read: exchange flips in the barrier, so reading looks at the other.
Slots& slots() { return machine.slots[machine.now->warp * 2 + (machine.now->exchange ^ 1)]; }

void deposit(const void* p, size_t bytes) {
  if (bytes > 16) fail("a shuffle of more than 16 bytes");
  memcpy(machine.slots[machine.now->warp * 2 + machine.now->exchange].value[machine.now->lane], p, bytes);
}

void copy_later(void* dst, const void* src) { machine.now->copies.push_back({dst, src}); }
void copy_seal() { machine.now->groups.push_back(machine.now->copies.size()); }
void copy_until(int groups) { run_copies(*machine.now, (size_t)groups); }

void fail(const char* what) { throw Error{what}; }

const char* launch(const Launch& l) {
  unsigned n = threads_of(l.block);
  if (n == 0 || n > 1024 || threads_of(l.grid) == 0) return "a launch without threads, or too many";
  block_dim = l.block, grid_dim = l.grid;
  machine.kernel = l.kernel, machine.args = l.args, machine.error = nullptr;
  machine.threads.resize(n);
  machine.stacks.resize(n * stack_bytes);
  machine.slots.resize((n + 31) / 32 * 2);
  unsigned blocks = threads_of(l.grid);
  try {
    for (unsigned b = 0; b < blocks; b++) {
      unsigned at = l.seed & 4 ? blocks - 1 - b : b;
      // Nothing may rely on what an earlier block left: not-a-number everywhere.
      machine.shared.assign(l.shared_bytes + 16, 0xff);
      for (unsigned i = 0; i < n; i++) {
        Thread& t = machine.threads[i];
        t.thread = {i % l.block.x, i / l.block.x % l.block.y, i / l.block.x / l.block.y};
        t.block = {at % l.grid.x, at / l.grid.x % l.grid.y, at / l.grid.x / l.grid.y};
        t.lane = i % 32, t.warp = i / 32, t.exchange = 0;
        t.state = State::running;
        t.copies.clear(), t.groups.clear(), t.copied = 0;
        t.fiber.start(machine.stacks.data() + i * stack_bytes, stack_bytes, entry);
      }
      run_block(l.seed);
      for (auto& t : machine.threads) {
        if (t.copied != t.copies.size()) return "a copy that nobody waited for";
      }
    }
  } catch (Error e) {
    return e;
  }
  return nullptr;
}

}  // namespace emu
