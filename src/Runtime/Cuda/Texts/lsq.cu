// Learned step size quantization (LSQ, arXiv 1902.08153). ENTRY is the type of x: float or bf16.
#include "marrow.cuh"

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
    float s = step[row % steps];
    if (s < 1e-5f) s = 1e-5f;
    bool x_packs = has_packs(x, columns), before_packs = has_packs(before, columns);
    bool level_packs = has_packs(levels, columns), fault = false;
    x += row * columns;
    levels += row * columns;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x, c, columns, x_packs);
        Pack<float, ENTRIES> shift = {};
        if (before) shift = load(before, c, columns, before_packs);
        Pack<i8, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float ratio = (wide(entries.at[i]) + shift.at[i]) / s;
            fault |= ratio != ratio;
            result.at[i] = (i8)(int)(rintf(fmaxf(low, fminf(high, ratio))) - offset);
        }
        store(levels, c, columns, level_packs, result);
    }
    if (fault) *has_nan = 1;
}
