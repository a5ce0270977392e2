#include "fiber.h"

#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

// emu_switch saves the registers that a call must keep, exchanges the stack
// pointers and restores the other side's. glibc's swapcontext does the same with
// a system call in between: ten times slower.
#if defined(__x86_64__)
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch,.-emu_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl emu_switch
.type emu_switch,%function
emu_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size emu_switch,.-emu_switch
)");
#else
#error "kernels/emu: no context switch for this processor"
#endif

extern "C" void emu_switch(void** save, void* load);

namespace emu {

void Fiber::start(void* stack, size_t bytes, void (*entry)()) {
  auto top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t{15};
#if defined(__x86_64__)
  auto* sp = reinterpret_cast<void**>(top) - 8;
  memset(sp, 0, 8 * sizeof *sp);
  sp[6] = reinterpret_cast<void*>(entry);  // ret: the stack is then off by 8, as after a call
#else
  auto* sp = reinterpret_cast<void**>(top) - 20;
  memset(sp, 0, 20 * sizeof *sp);
  sp[11] = reinterpret_cast<void*>(entry);  // x30
#endif
  top_ = sp;
#if defined(__SANITIZE_ADDRESS__)
  fake_ = nullptr, stack_ = stack, bytes_ = bytes;
#endif
}

void Fiber::enter() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&outer_fake_, stack_, bytes_);
#endif
  emu_switch(&outside_, top_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(outer_fake_, nullptr, nullptr);
#endif
}

void Fiber::leave() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&fake_, outer_stack_, outer_bytes_);
#endif
  emu_switch(&top_, outside_);
#if defined(__SANITIZE_ADDRESS__)
  arrived(this);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
void arrived(Fiber* f) {
  __sanitizer_finish_switch_fiber(f->fake_, &f->outer_stack_, &f->outer_bytes_);
}
#endif

}  // namespace emu
