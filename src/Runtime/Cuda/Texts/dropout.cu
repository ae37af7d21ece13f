// Dropout whose mask is never stored: whether an entry is kept follows from its number and a seed, by Philox4x32-10
// (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011). ENTRY is the type of x: float, bf16 or f16.
//
//   y_i = x_i scale where bits_i >= threshold, else 0      bits_i = word i mod 4 of philox(counter i / 4, key seed)
//
//   x, y      [count]
//   seed      [1]
//
// 8 bytes an entry of 32 bits, 4 of 16. A thread takes a pack of entries.
#include "marrow.cuh"

// Four random words of a counter.
static __device__ __forceinline__ void philox(i64 counter, i64 seed, unsigned (&words)[4])
{
    unsigned key0 = (unsigned)seed, key1 = (unsigned)(seed >> 32);
    words[0] = (unsigned)counter;
    words[1] = (unsigned)(counter >> 32);
    words[2] = words[3] = 0;
#pragma unroll
    for (int round = 0; round < 10; round++)
    {
        unsigned high0 = __umulhi(0xd2511f53u, words[0]), high1 = __umulhi(0xcd9e8d57u, words[2]);
        unsigned low0 = 0xd2511f53u * words[0], low1 = 0xcd9e8d57u * words[2];
        words[0] = high1 ^ words[1] ^ key0;
        words[1] = low1;
        words[2] = high0 ^ words[3] ^ key1;
        words[3] = low0;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
}

extern "C" __global__ void __launch_bounds__(256) dropout(
    const ENTRY* __restrict__ x, const i64* __restrict__ seed, ENTRY* __restrict__ y, i64 count, unsigned threshold,
    float scale)
{
    i64 c = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * ENTRIES;
    if (c >= count) return;
    Pack<ENTRY, ENTRIES> entries = load(x, c, count, has_packs(x, count)), result;
#pragma unroll
    for (int i = 0; i < ENTRIES; i += 4)
    {
        unsigned words[4];
        philox((c + i) / 4, *seed, words);
#pragma unroll
        for (int l = 0; l < 4; l++)
            result.at[i + l] = narrow<ENTRY>(words[l] >= threshold ? wide(entries.at[i + l]) * scale : 0);
    }
    store(y, c, count, has_packs(y, count), result);
}
