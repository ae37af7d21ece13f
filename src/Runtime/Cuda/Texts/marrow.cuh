// What every kernel text includes. NVRTC compiles the texts for a device; tests compile them with a host compiler,
// which sees MARROW_HOST and takes CUDA's words from host.h.
#pragma once
#if defined(MARROW_HOST)
#include "host.h"
#endif

typedef long long i64;
typedef signed char i8;
typedef unsigned u32;
struct alignas(2) bf16 { unsigned short bits; };
struct alignas(2) f16 { unsigned short bits; };

#if !defined(MARROW_HOST)
static __device__ __forceinline__ float half_to_float(unsigned short bits)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

static __device__ __forceinline__ unsigned short float_to_half(float value)
{
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

// d += a b on a warp's tensor core, of [16, 16] and [16, 8]. With g = lane / 4 and c = lane % 4, a lane's words of two
// entries are rows g, g + 8, g, g + 8 of a at columns 2c, 2c, 2c + 8, 2c + 8, and rows 2c, 2c + 8 of b at column g; its
// sums are rows g, g, g + 8, g + 8 at columns 2c, 2c + 1, 2c, 2c + 1.
template <typename T>
static __device__ __forceinline__ void mma(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]);

#define MMA(type, name)                                                                                    \
    template <> __device__ __forceinline__ void mma<type>(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) \
    {                                                                                                      \
        asm("mma.sync.aligned.m16n8k16.row.col.f32." name "." name                                         \
            ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                         \
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                               \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                           \
    }
MMA(bf16, "bf16")
MMA(f16, "f16")
#endif

static __device__ __forceinline__ float wide(float value) { return value; }
static __device__ __forceinline__ float wide(bf16 value) { return __uint_as_float((unsigned)value.bits << 16); }
static __device__ __forceinline__ float wide(f16 value) { return half_to_float(value.bits); }

template <typename T> __device__ T narrow(float value);
template <> __device__ __forceinline__ float narrow<float>(float value) { return value; }
template <> __device__ __forceinline__ bf16 narrow<bf16>(float value)
{
    // To the nearest, halves to even; NaN stays NaN.
    unsigned bits = __float_as_uint(value);
    bf16 result;
    result.bits = value != value ? 0x7fff : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
    return result;
}
template <> __device__ __forceinline__ f16 narrow<f16>(float value) { return {float_to_half(value)}; }

// N entries that one instruction of at most 16 bytes moves, or a few.
template <typename T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack { T at[N]; };

// How many entries of a row a thread takes at once.
#define ENTRIES 8

// Whether every row of [rows, columns] begins at a pack and ends with one.
template <typename T> static __device__ __forceinline__ bool has_packs(const T* rows, i64 columns)
{
    return columns % ENTRIES == 0 && (unsigned long long)rows % alignof(Pack<T, ENTRIES>) == 0;
}

// Entries c to c + 7 of a row; zeros beyond its end.
template <typename T>
static __device__ __forceinline__ Pack<T, ENTRIES> load(const T* row, i64 c, i64 columns, bool packs)
{
    if (packs) return *(const Pack<T, ENTRIES>*)(row + c);
    Pack<T, ENTRIES> entries = {};
#pragma unroll
    for (int i = 0; i < ENTRIES; i++)
        if (c + i < columns) entries.at[i] = row[c + i];
    return entries;
}

template <typename T>
static __device__ __forceinline__ void store(
    T* row, i64 c, i64 columns, bool packs, const Pack<T, ENTRIES>& entries)
{
    if (packs)
    {
        *(Pack<T, ENTRIES>*)(row + c) = entries;
        return;
    }
#pragma unroll
    for (int i = 0; i < ENTRIES; i++)
        if (c + i < columns) row[c + i] = entries.at[i];
}

// The sum over `lanes` neighboring threads of a warp, a power of two; the same in each of them.
template <int lanes> static __device__ __forceinline__ float lane_sum(float value)
{
#pragma unroll
    for (int mask = lanes / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(0xffffffffu, value, mask);
    return value;
}

// The number of this thread's warp in the grid, and of the thread in its warp.
static __device__ __forceinline__ i64 warp_in_grid()
{
    return (i64)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
}

static __device__ __forceinline__ int lane_in_warp() { return threadIdx.x % 32; }
