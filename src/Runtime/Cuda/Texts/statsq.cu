// Statistical weight quantization (StatsQ, arXiv 2302.02210). ENTRY is the type of w: float, bf16 or f16.
//
//   scale = 2 mean|w|    u = round(clip(w / scale, -1, 1 - 1e-6) n - 0.5)    n = 2^(bits - 1)
//
// w is [rows, columns], and a scale belongs to rows scale, scale + scales, scale + 2 scales and so on: to one row of a
// weight, to one position of a batch. A warp takes a scale: it sums |w|, then reads w again, from the cache.
#include "marrow.cuh"

static __device__ __forceinline__ float statsq_scale(const ENTRY* w, i64 scale, i64 scales, i64 rows, i64 columns)
{
    bool packs = has_packs(w, columns);
    float sum = 0;
    for (i64 row = scale; row < rows; row += scales)
        for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
        {
            Pack<ENTRY, ENTRIES> entries = load(w + row * columns, c, columns, packs);
#pragma unroll
            for (int i = 0; i < ENTRIES; i++) sum += fabsf(wide(entries.at[i]));
        }
    return 2 * lane_sum<32>(sum) / (float)(rows / scales * columns);
}

// Where w lies on the grid of levels; zeros at level 0.
static __device__ __forceinline__ float statsq_position(float w, float scale, float n)
{
    float ratio = scale > 0 ? w / scale : 0;
    return fmaxf(-1.f, fminf(1 - 1e-6f, ratio)) * n - 0.5f;
}

// u, a whole number.
static __device__ __forceinline__ float statsq_level(float w, float scale, float n)
{
    return rintf(statsq_position(w, scale, n));
}

// Levels of a weight, and what one of them is worth:
//
//   levels    [rows, columns], 2u + 1, or u where is_halved
//   worth     [rows], scale / 2n
extern "C" __global__ void __launch_bounds__(256) statsq_levels(
    const ENTRY* __restrict__ w, i8* __restrict__ levels, float* __restrict__ worth,
    i64 rows, i64 columns, float n, int is_halved)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float scale = statsq_scale(w, row, rows, rows, columns);
    bool w_packs = has_packs(w, columns), level_packs = has_packs(levels, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(w + row * columns, c, columns, w_packs);
        Pack<i8, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            int u = (int)statsq_level(wide(entries.at[i]), scale, n);
            result.at[i] = (i8)(is_halved ? u : 2 * u + 1);
        }
        store(levels + row * columns, c, columns, level_packs, result);
    }
    if (lane_in_warp() == 0) worth[row] = scale / (2 * n);
}

// values = scale (u + 0.5) / n, [rows, columns].
extern "C" __global__ void __launch_bounds__(256) statsq_values(
    const ENTRY* __restrict__ w, ENTRY* __restrict__ values, i64 rows, i64 columns, i64 scales, float n)
{
    i64 own = warp_in_grid();
    if (own >= scales) return;
    float scale = statsq_scale(w, own, scales, rows, columns);
    bool w_packs = has_packs(w, columns), value_packs = has_packs(values, columns);
    for (i64 row = own; row < rows; row += scales)
        for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
        {
            Pack<ENTRY, ENTRIES> entries = load(w + row * columns, c, columns, w_packs), result;
#pragma unroll
            for (int i = 0; i < ENTRIES; i++)
                result.at[i] = narrow<ENTRY>(scale * (statsq_level(wide(entries.at[i]), scale, n) + 0.5f) / n);
            store(values + row * columns, c, columns, value_packs, result);
        }
}

// What confidence-guided annealing (CGA) needs of the whole weight: scale and extreme levels of each row.
//
//   scales    [rows]
//   extremes  [2, rows], the lowest level and minus the highest
extern "C" __global__ void __launch_bounds__(256) statsq_extremes(
    const ENTRY* __restrict__ w, float* __restrict__ scales, float* __restrict__ extremes, i64 rows, i64 columns,
    float n)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float scale = statsq_scale(w, row, rows, rows, columns), low = n, high = -n;
    bool w_packs = has_packs(w, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(w + row * columns, c, columns, w_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float level = statsq_level(wide(entries.at[i]), scale, n);
            low = fminf(low, c + i < columns ? level : n);
            high = fmaxf(high, c + i < columns ? level : -n);
        }
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2)
    {
        low = fminf(low, __shfl_xor_sync(0xffffffffu, low, mask));
        high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, mask));
    }
    if (lane_in_warp() != 0) return;
    scales[row] = scale;
    extremes[row] = low;
    extremes[rows + row] = -high;
}

// confident = false for entries within `range` levels of a boundary i + 1/2 between two levels that the weight uses.
//
//   extremes   [2], the lowest level of all and minus the highest
//   confident  [rows, columns], of a byte each
extern "C" __global__ void __launch_bounds__(256) statsq_confident(
    const ENTRY* __restrict__ w, const float* __restrict__ scales, const float* __restrict__ extremes,
    i8* __restrict__ confident, i64 rows, i64 columns, float n, float range)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float scale = scales[row], low = extremes[0], high = -extremes[1];
    bool w_packs = has_packs(w, columns), packs = has_packs(confident, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(w + row * columns, c, columns, w_packs);
        Pack<i8, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float position = statsq_position(wide(entries.at[i]), scale, n), below = floorf(position);
            bool is_near = fabsf(position - below - 0.5f) <= range;
            result.at[i] = !(is_near && below >= low && below < high);
        }
        store(confident + row * columns, c, columns, packs, result);
    }
}
