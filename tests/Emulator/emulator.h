// Runs the kernels of the text that was included before, over memory of the host.
#pragma once
#include "host.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
static bool overran;
static void note_overrun(const char*) { overran = true; }
#endif

// Saves the registers that a call keeps, and goes on with another stack.
extern "C" void marrow_switch(void** from, void* to);
__asm__(R"(
.text
marrow_switch:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
)");

static const unsigned Threads = 1024, WarpThreads = 32, StackBytes = 65536;

struct Fiber { void* stack; Wait wait; bool done; };
static Fiber fibers[Threads];
static char* stacks;
static void* scheduler;
static void (*kernel)(void**);
static void** arguments;
static unsigned seed;

static unsigned random_below(unsigned end)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % end;
}

static void leave()
{
    unsigned own = threadIdx.x;
    marrow_switch(&fibers[own].stack, scheduler);
    threadIdx.x = own;
}

static void wait_for(Wait what)
{
    fibers[threadIdx.x].wait = what;
    leave();
}

static void run_fiber()
{
    kernel(arguments);
    fibers[threadIdx.x].done = true;
    leave();
    abort();
}

static void start_fiber(unsigned thread)
{
    void** top = (void**)(stacks + (size_t)(thread + 1) * StackBytes);
    *--top = nullptr;
    *--top = (void*)run_fiber;
    for (int i = 0; i < 6; i++) *--top = nullptr; // the registers that marrow_switch takes
    fibers[thread] = {top, Wait::Nothing, false};
}

// Lets the fibers of a warp that can go on do so, in a random order; then frees the warp if it has met.
static void run_warp(unsigned first, unsigned end)
{
    unsigned order[WarpThreads], count = end - first;
    for (unsigned i = 0; i < count; i++) order[i] = first + i;
    for (unsigned i = count; i > 1; i--) std::swap(order[i - 1], order[random_below(i)]);
    for (unsigned i = 0; i < count; i++)
    {
        Fiber& fiber = fibers[order[i]];
        if (fiber.done || fiber.wait != Wait::Nothing) continue;
        threadIdx.x = order[i];
        marrow_switch(&scheduler, fiber.stack);
    }
    bool met = std::all_of(fibers + first, fibers + end, [](Fiber& f) { return f.wait == Wait::Warp; });
    if (met) for (unsigned i = first; i < end; i++) fibers[i].wait = Wait::Nothing;
}

// 0, or 1 if threads wait for each other forever.
static int run_block()
{
    unsigned threads = blockDim.x, warps = (threads + WarpThreads - 1) / WarpThreads, warp = 0;
    for (unsigned i = 0; i < threads; i++) start_fiber(i);
    for (;;)
    {
        unsigned ready[Threads / WarpThreads], count = 0;
        bool is_over = true, stuck = false, same = false;
        for (unsigned i = 0; i < threads; i++)
        {
            if (fibers[i].done) continue;
            is_over = false;
            stuck |= fibers[i].wait == Wait::Warp;
            unsigned own = i / WarpThreads;
            if (fibers[i].wait == Wait::Nothing && (count == 0 || ready[count - 1] != own)) ready[count++] = own;
        }
        if (is_over) return 0;
        if (count == 0)
        {
            if (stuck) return 1;
            for (unsigned i = 0; i < threads; i++) fibers[i].wait = Wait::Nothing; // all are at the barrier
            continue;
        }
        // Mostly the same warp goes on, so that it can be far ahead of another where no barrier holds it.
        for (unsigned i = 0; i < count; i++) same |= ready[i] == warp;
        if (!same || random_below(16) == 0) warp = ready[random_below(count)];
        run_warp(warp * WarpThreads, std::min((warp + 1) * WarpThreads, threads));
    }
}

template <class... A, size_t... I>
static void call(void (*function)(A...), void** values, std::index_sequence<I...>) { function(*(A*)values[I]...); }

template <class... A> static void call(void (*function)(A...), void** values)
{
    call(function, values, std::index_sequence_for<A...>{});
}

// The compiler has this called before a type is read or written at an address that does not suit it. The thread ends.
static bool is_misaligned;
extern "C" __attribute__((visibility("hidden"))) void __ubsan_handle_type_mismatch_v1(void*, unsigned long)
{
    is_misaligned = true;
    fibers[threadIdx.x].done = true;
    leave();
}

extern "C" int marrow_launch(void (*function)(void**), unsigned blocks, unsigned threads, void** values, unsigned order)
{
    if (blocks == 0 || threads == 0 || threads > Threads) return 1;
    if (!stacks) stacks = (char*)aligned_alloc(64, (size_t)Threads * StackBytes);
#if defined(__SANITIZE_ADDRESS__)
    __asan_set_error_report_callback(note_overrun);
    overran = false;
#endif
    kernel = function;
    arguments = values;
    seed = order;
    blockDim.x = threads;
    is_misaligned = false;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
    {
        bool is_stuck = run_block() != 0;
        if (is_misaligned) return 4;
        if (is_stuck) return 2;
    }
#if defined(__SANITIZE_ADDRESS__)
    if (overran) return 3;
#endif
    return 0;
}
