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
