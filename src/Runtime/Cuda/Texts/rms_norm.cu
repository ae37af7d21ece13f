// Root mean square normalization (arXiv 1910.07467) of rows. ENTRY is the type of x and w: float, bf16 or f16.
//
//   y = x / rms . w    or, where w is zero-centered, x / rms . (1 + w)    rms = sqrt(mean x^2 + eps)
//
//   x, y, dy, dx    [rows, columns]
//   w               [columns]
//   roots           [rows], 1 / rms
//
// 4 bytes an entry of 16 bits forward and 6 backward; a row is read twice, the second time from the cache. A warp takes
// a row.
#include "marrow.cuh"

// As the plain formula: x / rms is rounded to its type before it meets w, but not before 1 + w.
extern "C" __global__ void __launch_bounds__(256) rms_norm_forward(
    const ENTRY* __restrict__ x, const ENTRY* __restrict__ w, ENTRY* __restrict__ y, float* __restrict__ roots,
    i64 rows, i64 columns, float eps, int zero_centered)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    bool x_packs = has_packs(x, columns), w_packs = has_packs(w, columns), y_packs = has_packs(y, columns);
    float sum = 0;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++) sum += wide(entries.at[i]) * wide(entries.at[i]);
    }
    float root = 1 / sqrtf(lane_sum<32>(sum) / (float)columns + eps);
    if (lane_in_warp() == 0) roots[row] = root;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs), result;
        Pack<ENTRY, ENTRIES> scale = load(w, c, columns, w_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float normal = wide(entries.at[i]) * root, s = wide(scale.at[i]);
            result.at[i] = narrow<ENTRY>(zero_centered ? normal * (1 + s) : wide(narrow<ENTRY>(normal)) * s);
        }
        store(y + row * columns, c, columns, y_packs, result);
    }
}

// dx = r v dy - x r^3 mean(v dy x)    r = roots[row]    v = w or 1 + w
extern "C" __global__ void __launch_bounds__(256) rms_norm_backward(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ x, const ENTRY* __restrict__ w,
    const float* __restrict__ roots, ENTRY* __restrict__ dx, i64 rows, i64 columns, int zero_centered)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    bool dy_packs = has_packs(dy, columns), x_packs = has_packs(x, columns);
    bool w_packs = has_packs(w, columns), dx_packs = has_packs(dx, columns);
    float sum = 0, root = roots[row];
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs);
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs);
        Pack<ENTRY, ENTRIES> scale = load(w, c, columns, w_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            sum += wide(gradients.at[i]) * (wide(scale.at[i]) + zero_centered) * wide(entries.at[i]);
    }
    float pull = lane_sum<32>(sum) / (float)columns * root * root;
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += 32 * ENTRIES)
    {
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs), result;
        Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs);
        Pack<ENTRY, ENTRIES> scale = load(w, c, columns, w_packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            result.at[i] = narrow<ENTRY>(
                root * (wide(gradients.at[i]) * (wide(scale.at[i]) + zero_centered) - wide(entries.at[i]) * pull));
        store(dx + row * columns, c, columns, dx_packs, result);
    }
}

#define WARPS 8

// dw = sum over rows of r x dy, where w is trained: 4 bytes more. Thread blocks take [group of rows, 32 packs of
// columns], and leave sums in dw [groups, columns].
extern "C" __global__ void __launch_bounds__(WARPS * 32) rms_norm_weight(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ x, const float* __restrict__ roots,
    float* __restrict__ dw, i64 rows, i64 columns, i64 rows_of_group)
{
    __shared__ float sums[WARPS][32 * ENTRIES];
    i64 tiles = (columns + 32 * ENTRIES - 1) / (32 * ENTRIES), group = blockIdx.x / tiles;
    i64 first = blockIdx.x % tiles * 32 * ENTRIES, c = first + lane_in_warp() * ENTRIES;
    i64 end = (group + 1) * rows_of_group < rows ? (group + 1) * rows_of_group : rows;
    bool dy_packs = has_packs(dy, columns), x_packs = has_packs(x, columns);
    int warp = threadIdx.x / 32;
    float own[ENTRIES] = {};
    if (c < columns)
        for (i64 row = group * rows_of_group + warp; row < end; row += WARPS)
        {
            Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, dy_packs);
            Pack<ENTRY, ENTRIES> entries = load(x + row * columns, c, columns, x_packs);
#pragma unroll
            for (int i = 0; i < ENTRIES; i++)
                own[i] += roots[row] * wide(entries.at[i]) * wide(gradients.at[i]);
        }
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) sums[warp][lane_in_warp() * ENTRIES + i] = own[i];
    __syncthreads(); // all rows are summed
    if (first + threadIdx.x >= columns) return;
    float total = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) total += sums[i][threadIdx.x];
    dw[group * columns + first + threadIdx.x] = total;
}
