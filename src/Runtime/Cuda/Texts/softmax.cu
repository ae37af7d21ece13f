// Attention weights and their quantizer (LSQ, unsigned): p = softmax(logits + bias) of a row and
// y = S round(clip(p / S, 0, high)). ENTRY is the type of logits, bias and results: float, bf16 or f16.
//
//   logits     [rows, columns]
//   bias       [bias_rows, columns], or null; row r takes row r modulo bias_rows
//   step       [steps], max(step, 1e-5) = S; row r takes step r modulo steps
//   extent     [rows, 2], the largest entry of a row and the sum of exp(entry - largest)
//
// A block takes a row: a warp where it is short, so that the sweeps after the first find it in the cache. Bytes an
// entry in float32 and 16 bits: softmax_levels 8 and 4, softmax_gradients 12 and 6.
#include "marrow.cuh"

struct Sum { static __device__ __forceinline__ float of(float a, float b) { return a + b; } };
struct Largest { static __device__ __forceinline__ float of(float a, float b) { return fmaxf(a, b); } };

// Over the threads of a block; the same in each of them.
template <typename KIND> static __device__ __forceinline__ float over_block(float value)
{
    __shared__ float shown[8];
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) value = KIND::of(value, __shfl_xor_sync(0xffffffffu, value, mask));
    if (blockDim.x == 32) return value;
    if (lane_in_warp() == 0) shown[threadIdx.x / 32] = value;
    __syncthreads(); // all have shown theirs
    value = shown[0];
    for (int i = 1; i < blockDim.x / 32; i++) value = KIND::of(value, shown[i]);
    __syncthreads(); // all have read them
    return value;
}

// Entries c to c + 7 of a row of logits + bias.
struct Row
{
    const ENTRY *logits, *bias;
    i64 columns;
    bool packs, bias_packs;

    __device__ __forceinline__ Row(const ENTRY* all, const ENTRY* biases, i64 row, i64 columns, i64 bias_rows)
        : logits(all + row * columns), bias(biases ? biases + row % bias_rows * columns : 0), columns(columns),
          packs(has_packs(all, columns)), bias_packs(has_packs(biases, columns)) {}

    __device__ __forceinline__ Pack<float, ENTRIES> at(i64 c) const
    {
        Pack<ENTRY, ENTRIES> entries = load(logits, c, columns, packs), added = {};
        if (bias) added = load(bias, c, columns, bias_packs);
        Pack<float, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++) result.at[i] = wide(entries.at[i]) + wide(added.at[i]);
        return result;
    }
};

// Level and quotient of a weight; NaN stays NaN.
static __device__ __forceinline__ float softmax_level(float ratio, float high)
{
    return ratio != ratio ? ratio : rintf(fmaxf(0, fminf(high, ratio)));
}

static __device__ __forceinline__ float softmax_step(const float* step, i64 row, i64 steps)
{
    float s = step[row % steps];
    return s < 1e-5f ? 1e-5f : s;
}

extern "C" __global__ void __launch_bounds__(256) softmax_levels(
    const ENTRY* __restrict__ logits, const ENTRY* __restrict__ bias, const float* __restrict__ step,
    ENTRY* __restrict__ y, float* __restrict__ extent, i64 columns, i64 bias_rows, i64 steps, float high)
{
    i64 row = blockIdx.x, begin = threadIdx.x * ENTRIES, next = blockDim.x * ENTRIES;
    Row entries(logits, bias, row, columns, bias_rows);
    float largest = __uint_as_float(0xff800000u), sum = 0, s = softmax_step(step, row, steps);
    for (i64 c = begin; c < columns; c += next)
    {
        Pack<float, ENTRIES> own = entries.at(c);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (c + i < columns) largest = fmaxf(largest, own.at[i]);
    }
    largest = over_block<Largest>(largest);
    for (i64 c = begin; c < columns; c += next)
    {
        Pack<float, ENTRIES> own = entries.at(c);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (c + i < columns) sum += expf(own.at[i] - largest);
    }
    sum = over_block<Sum>(sum);
    bool packs = has_packs(y, columns);
    for (i64 c = begin; c < columns; c += next)
    {
        Pack<float, ENTRIES> own = entries.at(c);
        Pack<ENTRY, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            result.at[i] = narrow<ENTRY>(softmax_level(expf(own.at[i] - largest) / sum / s, high) * s);
        store(y + row * columns, c, columns, packs, result);
    }
    if (threadIdx.x != 0) return;
    extent[2 * row] = largest;
    extent[2 * row + 1] = sum;
}

// The gradients for dy = dL/dy. With t = p / S, and dp = dy where t <= high, else 0:
//
//   dlogits   [rows, columns], p (dp - sum of p dp over the row)
//   dstep     [rows], the sum over a row of dy (round(clip(t)) - [t <= high] t)
extern "C" __global__ void __launch_bounds__(256) softmax_gradients(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ logits, const ENTRY* __restrict__ bias,
    const float* __restrict__ step, const float* __restrict__ extent, ENTRY* __restrict__ dlogits,
    float* __restrict__ dstep, i64 columns, i64 bias_rows, i64 steps, float high)
{
    i64 row = blockIdx.x, begin = threadIdx.x * ENTRIES, next = blockDim.x * ENTRIES;
    Row entries(logits, bias, row, columns, bias_rows);
    float largest = extent[2 * row], sum = extent[2 * row + 1], s = softmax_step(step, row, steps);
    float product = 0, of_step = 0;
    bool dy_packs = has_packs(dy, columns), packs = has_packs(dlogits, columns);
    for (i64 c = begin; c < columns; c += next)
    {
        Pack<float, ENTRIES> own = entries.at(c);
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs); // zeros beyond the end
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            if (c + i >= columns) continue;
            float p = expf(own.at[i] - largest) / sum, ratio = p / s, gradient = wide(gradients.at[i]);
            product += ratio <= high ? p * gradient : 0;
            of_step += gradient * (softmax_level(ratio, high) - (ratio <= high ? ratio : 0));
        }
    }
    product = over_block<Sum>(product);
    of_step = over_block<Sum>(of_step);
    for (i64 c = begin; c < columns; c += next)
    {
        Pack<float, ENTRIES> own = entries.at(c);
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs), result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float p = expf(own.at[i] - largest) / sum;
            result.at[i] = narrow<ENTRY>(p * ((p / s <= high ? wide(gradients.at[i]) : 0) - product));
        }
        store(dlogits + row * columns, c, columns, packs, result);
    }
    if (threadIdx.x == 0) dstep[row] = of_step;
}
