// Learned step size quantization (LSQ, arXiv 1902.08153). ENTRY is the type of x: float, bf16 or f16.
//
// x is [rows, columns]. Row r takes step r modulo steps; where is_per_column, column c takes step c. Row r takes part
// r modulo parts of a shift [parts, columns]. Levels from -1 to 1 are signs (one bit).
//
// Bytes an entry in float32 and 16 bits: lsq_levels 5 and 3, lsq_values 8 and 4, lsq_gradients 12 and 6, and 1/16 for
// each sum over rows.
#include "marrow.cuh"

#define WARPS 8
#define STRIP (32 * ENTRIES)
#define ROWS_OF_WARP 8
#define CHUNK (8 * STRIP)

static __device__ __forceinline__ float lsq_floor(float s) { return s < 1e-5f ? 1e-5f : s; }

// S of entries c to c + 7 of a row. NaN stays NaN.
static __device__ __forceinline__ Pack<float, ENTRIES> lsq_steps(
    const float* step, i64 row, i64 steps, int is_per_column, i64 c, i64 columns)
{
    Pack<float, ENTRIES> s = {};
    if (is_per_column) s = load(step, c, columns, has_packs(step, columns));
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) s.at[i] = lsq_floor(is_per_column ? s.at[i] : step[row % steps]);
    return s;
}

// A shift's entries c to c + 7 for a row, zeros for no shift.
static __device__ __forceinline__ Pack<float, ENTRIES> lsq_shift(
    const float* shift, i64 row, i64 parts, i64 c, i64 columns)
{
    if (shift) return load(shift + row % parts * columns, c, columns, has_packs(shift, columns));
    return {};
}

static __device__ __forceinline__ bool lsq_is_sign(float low, float high) { return low == -1 && high == 1; }

// NaN stays NaN.
static __device__ __forceinline__ float lsq_level(float ratio, float low, float high)
{
    if (ratio != ratio) return ratio;
    if (lsq_is_sign(low, high)) return ratio > 0 ? 1 : ratio < 0 ? -1 : 0;
    return rintf(fmaxf(low, fminf(high, ratio)));
}

// levels = round(clip((x + before) / S, low, high)) - offset, and S of each row: one pass over x.
//
//   step       [steps]
//   before     [columns], or null
//   levels     [rows, columns]
//   row_steps  [rows], NaN for a row with a quotient that is NaN, which has no level
//
// A warp takes a row. x is divided by S, because a product with 1 / S can change levels.
extern "C" __global__ void __launch_bounds__(256) lsq_levels(
    const ENTRY* __restrict__ x, const float* __restrict__ step, const float* __restrict__ before,
    i8* __restrict__ levels, float* __restrict__ row_steps,
    i64 rows, i64 columns, i64 steps, float low, float high, float offset)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = lsq_floor(step[row % steps]), fault = 0;
    bool x_packs = has_packs(x, columns), level_packs = has_packs(levels, columns);
    x += row * columns;
    levels += row * columns;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += STRIP)
    {
        Pack<ENTRY, ENTRIES> entries = load(x, c, columns, x_packs);
        Pack<float, ENTRIES> shift = lsq_shift(before, row, 1, c, columns);
        Pack<i8, ENTRIES> result = {};
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s;
            if (ratio != ratio) fault = ratio;
            else result.at[i] = (i8)(int)(lsq_level(ratio, low, high) - offset);
        }
        store(levels, c, columns, level_packs, result);
    }
    fault = lane_sum<32>(fault);
    if (lane_in_warp() == 0) row_steps[row] = s + fault;
}

// y = S round(clip((x + before) / S, low, high)) + after: one pass over x. NaN stays NaN. A warp takes 2,048 columns of
// a row.
//
//   x, y      [rows, columns]
//   step      [steps]
//   before    [before_parts, columns], or null; after likewise
extern "C" __global__ void __launch_bounds__(256) lsq_values(
    const ENTRY* __restrict__ x, const float* __restrict__ step, const float* __restrict__ before,
    const float* __restrict__ after, ENTRY* __restrict__ y, i64 rows, i64 columns, i64 steps, i64 before_parts,
    i64 after_parts, int is_per_column, float low, float high)
{
    i64 chunks = (columns + CHUNK - 1) / CHUNK, row = warp_in_grid() / chunks;
    if (row >= rows) return;
    bool x_packs = has_packs(x, columns), y_packs = has_packs(y, columns);
    i64 c = warp_in_grid() % chunks * CHUNK, end = columns < c + CHUNK ? columns : c + CHUNK;
    for (c += lane_in_warp() * ENTRIES; c < end; c += STRIP)
    {
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs), result;
        Pack<float, ENTRIES> s = lsq_steps(step, row, steps, is_per_column, c, columns);
        Pack<float, ENTRIES> shift = lsq_shift(before, row, before_parts, c, columns);
        Pack<float, ENTRIES> back = lsq_shift(after, row, after_parts, c, columns);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s.at[i];
            result.at[i] = narrow<ENTRY>(lsq_level(ratio, low, high) * s.at[i] + back.at[i]);
        }
        store(y + row * columns, c, columns, y_packs, result);
    }
}

// The sums of a strip's columns over the warps of a block.
static __device__ __forceinline__ void lsq_sum(
    const Pack<float, ENTRIES>& own, float* __restrict__ sums, i64 strip, i64 columns)
{
    __shared__ float shown[WARPS][STRIP];
    int warp = threadIdx.x / 32;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) shown[warp][i * 32 + lane_in_warp()] = own.at[i];
    __syncthreads(); // all have shown theirs
    float sum = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) sum += shown[i][threadIdx.x];
    i64 c = strip * STRIP + lane_in_warp() * ENTRIES + warp;
    if (c < columns) sums[c] = sum;
    __syncthreads(); // all have read them
}

// The gradients of lsq_values for dy = dL/dy, in one pass over dy and x. With t = (x + before) / S:
//
//   dx        [rows, columns], dy where low <= t <= high, else 0; 0 for signs
//   dstep     scale times the sums of dy (level(t) - [inside] t): [strips, rows] over a strip of a row; where
//             is_per_column over a group of rows, as those below
//   dbefore   the sums of dx over a group of rows, or null
//   dafter    the sums of dy, or null
//
// A block takes a strip of 256 columns of a group: 64 of the rows that take part p of the shifts, r = p modulo parts.
// Group g has p = g modulo parts, and its sums are [columns] at part p of row g / parts of [.., stride].
extern "C" __global__ void __launch_bounds__(256) lsq_gradients(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ x, const float* __restrict__ step,
    const float* __restrict__ before, ENTRY* __restrict__ dx, float* __restrict__ dstep, float* __restrict__ dbefore,
    float* __restrict__ dafter, i64 stride, i64 rows, i64 columns, i64 steps, i64 before_parts, i64 parts,
    int is_per_column, float scale, float low, float high)
{
    i64 strips = (columns + STRIP - 1) / STRIP, strip = blockIdx.x % strips, group = blockIdx.x / strips;
    i64 first = group / parts * (WARPS * ROWS_OF_WARP) + threadIdx.x / 32;
    i64 c = strip * STRIP + lane_in_warp() * ENTRIES;
    bool dy_packs = has_packs(dy, columns), x_packs = has_packs(x, columns), dx_packs = has_packs(dx, columns);
    Pack<float, ENTRIES> steps_sum = {}, before_sum = {}, after_sum = {};
    for (int n = 0; n < ROWS_OF_WARP; n++)
    {
        i64 row = group % parts + parts * (first + n * WARPS);
        if (row >= rows) break;
        float sum = 0;
        if (c < columns)
        {
            Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs), result;
            Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs);
            Pack<float, ENTRIES> s = lsq_steps(step, row, steps, is_per_column, c, columns);
            Pack<float, ENTRIES> shift = lsq_shift(before, row, before_parts, c, columns);
#pragma unroll
            for (int i = 0; i < ENTRIES; i++)
            {
                float ratio = (wide(entries.at[i]) + shift.at[i]) / s.at[i], gradient = wide(gradients.at[i]);
                bool inside = ratio >= low && ratio <= high && !lsq_is_sign(low, high);
                float term = scale * gradient * (lsq_level(ratio, low, high) - (inside ? ratio : 0));
                sum += term;
                steps_sum.at[i] += term;
                before_sum.at[i] += inside ? gradient : 0;
                after_sum.at[i] += gradient;
                result.at[i] = narrow<ENTRY>(inside ? gradient : 0);
            }
            store(dx + row * columns, c, columns, dx_packs, result);
        }
        sum = lane_sum<32>(sum);
        if (lane_in_warp() == 0 && !is_per_column) dstep[strip * rows + row] = sum;
    }
    i64 own = group / parts * stride + group % parts * columns;
    if (is_per_column) lsq_sum(steps_sum, dstep + own, strip, columns);
    if (dbefore) lsq_sum(before_sum, dbefore + own, strip, columns);
    if (dafter) lsq_sum(after_sum, dafter + own, strip, columns);
}
