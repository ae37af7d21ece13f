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

#define STRIP (32 * ENTRIES)

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

// A thread's i-th column of a strip of 256 that its warp takes: eight neighbors where vectors can be moved, else every
// 32nd column, so that a warp still moves neighbors.
static __device__ __forceinline__ i64 column(i64 strip, int i, bool packs)
{
    return strip + (packs ? lane_in_warp() * ENTRIES + i : i * 32 + lane_in_warp());
}

// Its entries of a row; zeros beyond the end.
static __device__ __forceinline__ Pack<float, ENTRIES> entries(const ENTRY* row, i64 strip, i64 columns, bool packs)
{
    Pack<ENTRY, ENTRIES> own = {};
    if (packs) own = load(row, column(strip, 0, packs), columns, column(strip, 0, packs) < columns);
    else
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (column(strip, i, packs) < columns) own.at[i] = row[column(strip, i, packs)];
    Pack<float, ENTRIES> result;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) result.at[i] = wide(own.at[i]);
    return result;
}

static __device__ __forceinline__ void put(
    ENTRY* row, i64 strip, i64 columns, bool packs, const Pack<float, ENTRIES>& values)
{
    Pack<ENTRY, ENTRIES> own;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) own.at[i] = narrow<ENTRY>(values.at[i]);
    if (packs) store(row, column(strip, 0, packs), columns, column(strip, 0, packs) < columns, own);
    else
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (column(strip, i, packs) < columns) row[column(strip, i, packs)] = own.at[i];
}

// A row of logits + bias.
struct Row
{
    const ENTRY *logits, *bias;
    i64 columns;
    bool packs;

    __device__ __forceinline__ Row(
        const ENTRY* all, const ENTRY* biases, i64 columns, i64 bias_rows, bool others_have_packs)
        : logits(all + blockIdx.x * columns), bias(biases ? biases + blockIdx.x % bias_rows * columns : 0),
          columns(columns), packs(has_packs(all, columns) && has_packs(biases, columns) && others_have_packs) {}

    __device__ __forceinline__ Pack<float, ENTRIES> at(i64 strip) const
    {
        Pack<float, ENTRIES> own = entries(logits, strip, columns, packs), added = {};
        if (bias) added = entries(bias, strip, columns, packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++) own.at[i] += added.at[i];
        return own;
    }

    __device__ __forceinline__ bool has(i64 strip, int i) const { return column(strip, i, packs) < columns; }
};

// The level of a quotient; NaN stays NaN.
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
    i64 row = blockIdx.x, begin = threadIdx.x / 32 * STRIP, next = blockDim.x * ENTRIES;
    Row own_row(logits, bias, columns, bias_rows, has_packs(y, columns));
    float largest = __uint_as_float(0xff800000u), sum = 0, s = softmax_step(step, row, steps);
    for (i64 strip = begin; strip < columns; strip += next)
    {
        Pack<float, ENTRIES> own = own_row.at(strip);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (own_row.has(strip, i)) largest = fmaxf(largest, own.at[i]);
    }
    largest = over_block<Largest>(largest);
    for (i64 strip = begin; strip < columns; strip += next)
    {
        Pack<float, ENTRIES> own = own_row.at(strip);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            if (own_row.has(strip, i)) sum += expf(own.at[i] - largest);
    }
    sum = over_block<Sum>(sum);
    for (i64 strip = begin; strip < columns; strip += next)
    {
        Pack<float, ENTRIES> own = own_row.at(strip);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            own.at[i] = softmax_level(expf(own.at[i] - largest) / sum / s, high) * s;
        put(y + row * columns, strip, columns, own_row.packs, own);
    }
    if (threadIdx.x != 0) return;
    extent[2 * row] = largest;
    extent[2 * row + 1] = sum;
}

// The gradients for dy = dL/dy. With t = p / S, and dp = dy where t <= high, else 0:
//
//   dlogits   [rows, columns], p (dp - sum of p dp over the row)
//   dstep     [rows], scale times the sum over a row of dy (round(clip(t)) - [t <= high] t)
extern "C" __global__ void __launch_bounds__(256) softmax_gradients(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ logits, const ENTRY* __restrict__ bias,
    const float* __restrict__ step, const float* __restrict__ extent, ENTRY* __restrict__ dlogits,
    float* __restrict__ dstep, i64 columns, i64 bias_rows, i64 steps, float scale, float high)
{
    i64 row = blockIdx.x, begin = threadIdx.x / 32 * STRIP, next = blockDim.x * ENTRIES;
    Row own_row(logits, bias, columns, bias_rows, has_packs(dy, columns) && has_packs(dlogits, columns));
    float largest = extent[2 * row], sum = extent[2 * row + 1], s = softmax_step(step, row, steps);
    float product = 0, of_step = 0;
    dy += row * columns;
    for (i64 strip = begin; strip < columns; strip += next)
    {
        Pack<float, ENTRIES> own = own_row.at(strip);
        Pack<float, ENTRIES> gradients = entries(dy, strip, columns, own_row.packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            if (!own_row.has(strip, i)) continue;
            float p = expf(own.at[i] - largest) / sum, ratio = p / s, gradient = gradients.at[i];
            product += ratio <= high ? p * gradient : 0;
            of_step += gradient * (softmax_level(ratio, high) - (ratio <= high ? ratio : 0));
        }
    }
    product = over_block<Sum>(product);
    of_step = over_block<Sum>(of_step);
    for (i64 strip = begin; strip < columns; strip += next)
    {
        Pack<float, ENTRIES> own = own_row.at(strip);
        Pack<float, ENTRIES> gradients = entries(dy, strip, columns, own_row.packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float p = expf(own.at[i] - largest) / sum;
            own.at[i] = p * ((p / s <= high ? gradients.at[i] : 0) - product);
        }
        put(dlogits + row * columns, strip, columns, own_row.packs, own);
    }
    if (threadIdx.x == 0) dstep[row] = scale * of_step;
}
