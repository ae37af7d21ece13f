// Learned step size quantization (LSQ, arXiv 1902.08153). ENTRY is the type of x: float, bf16 or f16.
#include "marrow.cuh"

// S of a row. NaN stays NaN.
static __device__ __forceinline__ float lsq_step(const float* step, i64 row, i64 steps)
{
    float s = step[row % steps];
    return s < 1e-5f ? 1e-5f : s;
}

// A shift's entries c to c + 7 for a row, zeros for no shift; row r takes part r modulo parts of [parts, columns].
static __device__ __forceinline__ Pack<float, ENTRIES> lsq_shift(
    const float* shift, i64 row, i64 parts, i64 c, i64 columns)
{
    if (shift) return load(shift + row % parts * columns, c, columns, has_packs(shift, columns));
    return {};
}

static __device__ __forceinline__ float lsq_clip(float ratio, float low, float high)
{
    return fmaxf(low, fminf(high, ratio));
}

// levels = round(clip((x + before) / S, low, high)) - offset, S = max(step, 1e-5): one pass over x.
//
//   x         [rows, columns]
//   step      [steps], that of a row: row modulo steps
//   before    [columns], or null
//   levels    [rows, columns]
//   has_nan   [1], set to 1 if a quotient is NaN, which has no level
//
// A warp takes a row. x is divided by S, because a product with 1 / S can change levels.
extern "C" __global__ void __launch_bounds__(256) lsq_levels(
    const ENTRY* __restrict__ x, const float* __restrict__ step, const float* __restrict__ before,
    i8* __restrict__ levels, int* __restrict__ has_nan,
    i64 rows, i64 columns, i64 steps, float low, float high, float offset)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = lsq_step(step, row, steps);
    bool x_packs = has_packs(x, columns), level_packs = has_packs(levels, columns), fault = false;
    x += row * columns;
    levels += row * columns;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x, c, columns, x_packs);
        Pack<float, ENTRIES> shift = lsq_shift(before, row, 1, c, columns);
        Pack<i8, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s;
            fault |= ratio != ratio;
            result.at[i] = (i8)(int)(rintf(lsq_clip(ratio, low, high)) - offset);
        }
        store(levels, c, columns, level_packs, result);
    }
    if (fault) *has_nan = 1;
}

// y = S round(clip((x + before) / S, low, high)) + after: one pass over x. NaN stays NaN.
//
//   x, y      [rows, columns]
//   step      [steps], that of a row: row modulo steps
//   before    [before_parts, columns], or null; after likewise
extern "C" __global__ void __launch_bounds__(256) lsq_values(
    const ENTRY* __restrict__ x, const float* __restrict__ step, const float* __restrict__ before,
    const float* __restrict__ after, ENTRY* __restrict__ y, i64 rows, i64 columns, i64 steps, i64 before_parts,
    i64 after_parts, float low, float high)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = lsq_step(step, row, steps);
    bool x_packs = has_packs(x, columns), y_packs = has_packs(y, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs), result;
        Pack<float, ENTRIES> shift = lsq_shift(before, row, before_parts, c, columns);
        Pack<float, ENTRIES> back = lsq_shift(after, row, after_parts, c, columns);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s;
            float level = ratio != ratio ? ratio : rintf(lsq_clip(ratio, low, high));
            result.at[i] = narrow<ENTRY>(level * s + back.at[i]);
        }
        store(y + row * columns, c, columns, y_packs, result);
    }
}

// The gradients of lsq_values for dy = dL/dy, in one pass over dy and x. With t = (x + before) / S:
//
//   dx        [rows, columns], dy where low <= t <= high, else 0
//   dstep     [rows], the sum over a row of dy (round(clip(t)) - [inside] t)
extern "C" __global__ void __launch_bounds__(256) lsq_gradients(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ x, const float* __restrict__ step,
    const float* __restrict__ before, ENTRY* __restrict__ dx, float* __restrict__ dstep, i64 rows, i64 columns,
    i64 steps, i64 before_parts, float low, float high)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = lsq_step(step, row, steps), sum = 0;
    bool dy_packs = has_packs(dy, columns), x_packs = has_packs(x, columns), dx_packs = has_packs(dx, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs), result;
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs);
        Pack<float, ENTRIES> shift = lsq_shift(before, row, before_parts, c, columns);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s, gradient = wide(gradients.at[i]);
            bool inside = ratio >= low && ratio <= high;
            float level = ratio != ratio ? ratio : rintf(lsq_clip(ratio, low, high));
            sum += gradient * (level - (inside ? ratio : 0));
            result.at[i] = narrow<ENTRY>(inside ? gradient : 0);
        }
        store(dx + row * columns, c, columns, dx_packs, result);
    }
    sum = lane_sum<32>(sum);
    if (lane_in_warp() == 0) dstep[row] = sum;
}
