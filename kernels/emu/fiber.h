// Fibers: stacks of their own, switched by hand.
#ifndef VECTORIZER_FIBER_H
#define VECTORIZER_FIBER_H

#include <stddef.h>

namespace emu {

// A Fiber runs entry() on its own stack when it is entered first, and goes on
// where it left after that. entry must not return.
class Fiber {
 public:
  void start(void* stack, size_t bytes, void (*entry)());
  void enter();  // from the scheduler
  void leave();  // back to it

 private:
  void* top_ = nullptr;     // saved stack pointer
  void* outside_ = nullptr; // the scheduler's
#if defined(__SANITIZE_ADDRESS__)
  void* fake_ = nullptr;
  void* outer_fake_ = nullptr;
  const void* outer_stack_ = nullptr;
  size_t outer_bytes_ = 0;
  void* stack_ = nullptr;
  size_t bytes_ = 0;
  friend void arrived(Fiber*);
#endif
};

}  // namespace emu
#endif
