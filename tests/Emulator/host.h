// CUDA's words for a host compiler. Each thread of a block is a fiber; barriers and shuffles are where fibers change.
// One block runs at a time, so that what is shared is static.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __forceinline__ inline

struct Index { unsigned x; };
static Index threadIdx, blockIdx, blockDim;

// What a fiber waits for before it goes on.
enum class Wait { Nothing, Block, Warp };
static void wait_for(Wait what);

// What each thread of a block shows the others of its warp.
static float shown[1024];

static void __syncthreads() { wait_for(Wait::Block); }

// Two meetings of a warp: all have shown before one looks, and all have looked before one shows again.
static float __shfl_xor_sync(unsigned, float value, int mask)
{
    unsigned own = threadIdx.x;
    shown[own] = value;
    wait_for(Wait::Warp);
    float other = shown[own ^ mask];
    wait_for(Wait::Warp);
    return other;
}

// What each thread shows the others of its warp of an mma's factors.
static unsigned left_words[1024][4], right_words[1024][2];

template <typename T> static float half_of_word(unsigned word, unsigned high)
{
    T entry;
    entry.bits = (unsigned short)(word >> 16 * high);
    return wide(entry);
}

// As marrow.cuh describes it: rows and columns of both factors are found in the lanes that hold them.
template <typename T> static void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    unsigned own = threadIdx.x, first = own & ~31u;
    memcpy(left_words[own], a, sizeof a);
    memcpy(right_words[own], b, sizeof b);
    wait_for(Wait::Warp);
    for (unsigned i = 0; i < 4; i++)
    {
        unsigned row = own % 32 / 4 + i / 2 * 8, column = own % 4 * 2 + i % 2;
        for (unsigned k = 0; k < 16; k++)
            d[i] += half_of_word<T>(left_words[first + row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2], k % 2)
                * half_of_word<T>(right_words[first + column * 4 + k % 8 / 2][k / 8], k % 2);
    }
    wait_for(Wait::Warp);
}

static unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }

static float __uint_as_float(unsigned bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static unsigned __float_as_uint(float value)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float half_to_float(unsigned short bits)
{
    _Float16 value;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static unsigned short float_to_half(float number)
{
    _Float16 value = number;
    unsigned short bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
