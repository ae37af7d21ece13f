// Rotary positions (arXiv 2104.09864). ENTRY is the type of all: float, bf16 or f16.
//
//   y1 = x1 cos1 - x2 sin1    y2 = x2 cos2 + x1 sin2      x1 and x2 the halves of a head
//
// and back, as gradients go, y1 = x1 cos1 + x2 sin2, y2 = x2 cos2 - x1 sin1. 4 bytes an entry of 16 bits each way.
//
//   x, y        [batch, tokens, heads, 2 half]; x with strides, its heads contiguous
//   cos, sin    [tokens, 2 half]
//
// A thread block takes a token of a sequence, a thread of it packs of pairs.
#include "marrow.cuh"

extern "C" __global__ void __launch_bounds__(256) rotary(
    const ENTRY* __restrict__ x, const ENTRY* __restrict__ cos, const ENTRY* __restrict__ sin, ENTRY* __restrict__ y,
    i64 tokens, int heads, i64 half, i64 batch_stride, i64 token_stride, i64 head_stride, int is_back)
{
    i64 token = blockIdx.x % tokens;
    x += blockIdx.x / tokens * batch_stride + token * token_stride;
    y += (i64)blockIdx.x * heads * 2 * half;
    cos += token * 2 * half;
    sin += token * 2 * half;
    bool x_packs = has_packs(x, half) && head_stride % ENTRIES == 0, y_packs = has_packs(y, half);
    bool cos_packs = has_packs(cos, half), sin_packs = has_packs(sin, half);
    int packs = (int)((half + ENTRIES - 1) / ENTRIES);
    for (int n = threadIdx.x; n < heads * packs; n += blockDim.x)
    {
        i64 c = n % packs * ENTRIES;
        const ENTRY* from = x + n / packs * head_stride;
        ENTRY* to = y + n / packs * 2 * half;
        Pack<ENTRY, ENTRIES> x1 = load(from, c, half, x_packs), x2 = load(from + half, c, half, x_packs), y1, y2;
        Pack<ENTRY, ENTRIES> cos1 = load(cos, c, half, cos_packs), cos2 = load(cos + half, c, half, cos_packs);
        Pack<ENTRY, ENTRIES> sin1 = load(sin, c, half, sin_packs), sin2 = load(sin + half, c, half, sin_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float a = wide(x1.at[i]), b = wide(x2.at[i]), s1 = wide(sin1.at[i]), s2 = wide(sin2.at[i]);
            y1.at[i] = narrow<ENTRY>(a * wide(cos1.at[i]) - b * (is_back ? -s2 : s1));
            y2.at[i] = narrow<ENTRY>(b * wide(cos2.at[i]) + a * (is_back ? -s1 : s2));
        }
        store(to, c, half, y_packs, y1);
        store(to + half, c, half, y_packs, y2);
    }
}
