// Cross entropy of rows, and its gradient beside it. ENTRY is the type of logits and gradient: float, bf16 or f16.
//
//   loss = scale (log sum_j exp(x_j) - x_label)    gradient = scale (softmax(x) - onehot(label))
//
//   logits, gradient    [rows, columns]; the latter null where it is not wanted
//   labels              [rows]; rows of the ignored one are 0
//   losses              [rows]
//
// 4 bytes a logit of 16 bits; the second reading is from the cache. A thread block takes a row.
#include "marrow.cuh"

#define THREADS 256

// A maximum, and the sum of exponentials beside it.
struct Partition { float most, sum; };

static __device__ __forceinline__ Partition joined(Partition a, Partition b)
{
    float most = fmaxf(a.most, b.most);
    return {most, a.sum * expf(a.most - most) + b.sum * expf(b.most - most)};
}

extern "C" __global__ void __launch_bounds__(THREADS) cross_entropy(
    const ENTRY* __restrict__ logits, const i64* __restrict__ labels, float* __restrict__ losses,
    ENTRY* __restrict__ gradient, i64 columns, i64 ignored, float scale)
{
    __shared__ Partition of_warps[THREADS / 32];
    bool x_packs = has_packs(logits, columns), gradient_packs = has_packs(gradient, columns);
    i64 row = blockIdx.x, label = labels[row];
    logits += row * columns;
    gradient = gradient ? gradient + row * columns : gradient;
    Partition z = {-3e38f, 0}; // finite, as the difference of two of them must be
    for (i64 c = threadIdx.x * ENTRIES; c < columns; c += THREADS * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(logits, c, columns, x_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (c + i < columns) z = joined(z, {wide(entries.at[i]), 1});
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2)
        z = joined(z, {__shfl_xor_sync(0xffffffffu, z.most, mask), __shfl_xor_sync(0xffffffffu, z.sum, mask)});
    if (lane_in_warp() == 0) of_warps[threadIdx.x / 32] = z;
    __syncthreads(); // all warps have theirs
    z = of_warps[0];
#pragma unroll
    for (int i = 1; i < THREADS / 32; i++) z = joined(z, of_warps[i]);
    bool counts = label != ignored;
    if (threadIdx.x == 0)
    {
        // A label that there is not has no loss.
        float own = label >= 0 && label < columns ? wide(logits[label]) : __uint_as_float(0x7fc00000);
        losses[row] = counts ? scale * (z.most + logf(z.sum) - own) : 0;
    }
    if (!gradient) return;
    for (i64 c = threadIdx.x * ENTRIES; c < columns; c += THREADS * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(logits, c, columns, x_packs), result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float share = expf(wide(entries.at[i]) - z.most) / z.sum;
            result.at[i] = narrow<ENTRY>(counts ? scale * (share - (c + i == label)) : 0);
        }
        store(gradient, c, columns, gradient_packs, result);
    }
}
