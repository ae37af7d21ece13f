// Levels of activations and weights, and what makes numbers of their products. ENTRY is the type of the numbers: float,
// bf16 or f16.
//
//   x^ = S q + after    q stored as q - zero in 8 bits, [n, in]
//   w^ = ws p           p in 8 bits, [out, in], or u where p = 2u + 1 (is_halved)
//
// Bytes an entry in float32 and 16 bits: levels_values 5 and 3, levels_weight 3, or 1 without rounded, levels_scaled 8
// and 6, levels_rounded 8 and 6, levels_requantized 6, levels_logits 8.
#include "marrow.cuh"

#define WARPS 8
#define STRIP (32 * ENTRIES)
#define ROWS_OF_WARP 8

// values = max(scale, least) (factor stored + added) + after, [rows, columns]; row r takes scale r modulo scales. A
// warp takes a row.
extern "C" __global__ void __launch_bounds__(256) levels_values(
    const i8* __restrict__ stored, const float* __restrict__ scale, const float* __restrict__ after,
    ENTRY* __restrict__ values, i64 rows, i64 columns, i64 scales, float least, float factor, float added)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = scale[row % scales];
    s = s < least ? least : s; // NaN stays NaN
    bool packs = has_packs(stored, columns), value_packs = has_packs(values, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += STRIP)
    {
        Pack<i8, ENTRIES> levels = load(stored + row * columns, c, columns, packs);
        Pack<float, ENTRIES> shift = {};
        if (after) shift = load(after, c, columns, has_packs(after, columns));
        Pack<ENTRY, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            result.at[i] = narrow<ENTRY>(s * (factor * levels.at[i] + added) + shift.at[i]);
        store(values + row * columns, c, columns, value_packs, result);
    }
}

// What of a product depends on the weight alone. A warp takes a row of p.
//
//   rounded   [out, in], what is stored, in bfloat16, which holds 8 bits exactly; or null
//   offsets   [out], bias + ws sum_k after_k p_k
//   sums      [out], sum_k of what is stored
extern "C" __global__ void __launch_bounds__(256) levels_weight(
    const i8* __restrict__ stored, const float* __restrict__ ws, const float* __restrict__ after,
    const float* __restrict__ bias, bf16* __restrict__ rounded, float* __restrict__ offsets, float* __restrict__ sums,
    i64 rows, i64 columns, int is_halved)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float sum = 0, product = 0;
    bool packs = has_packs(stored, columns), rounded_packs = has_packs(rounded, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += STRIP)
    {
        Pack<i8, ENTRIES> levels = load(stored + row * columns, c, columns, packs);
        Pack<float, ENTRIES> shift = {};
        if (after) shift = load(after, c, columns, has_packs(after, columns));
        Pack<bf16, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float level = levels.at[i];
            sum += level;
            product += shift.at[i] * (is_halved ? 2 * level + 1 : level);
            result.at[i] = narrow<bf16>(level);
        }
        if (rounded) store(rounded + row * columns, c, columns, rounded_packs, result);
    }
    sum = lane_sum<32>(sum);
    product = lane_sum<32>(product);
    if (lane_in_warp() != 0) return;
    offsets[row] = (bias ? bias[row] : 0) + ws[row] * product;
    sums[row] = sum;
}

// y = S_row ws_column whole + offset_column, with whole numbers q p: those of the product of what is stored, and where
// q is stored as q - zero, and u of p = 2u + 1, whole = 2 (product + zero sums_column) + row_sums_row + zero inner.
//
//   product    [n, out], whole numbers
//   row_steps  [n], S
//   row_sums   [n], sum_k of what is stored of q; null where p is stored
//
// A block takes a strip of 256 columns of 64 rows.
template <typename NUMBER>
static __device__ __forceinline__ void levels_scaled(
    const NUMBER* __restrict__ product, const float* __restrict__ row_steps, const float* __restrict__ ws,
    const float* __restrict__ offsets, const float* __restrict__ sums, const int* __restrict__ row_sums,
    ENTRY* __restrict__ y, i64 rows, i64 columns, i64 inner, i64 zero)
{
    i64 strips = (columns + STRIP - 1) / STRIP, c = blockIdx.x % strips * STRIP + lane_in_warp() * ENTRIES;
    i64 first = blockIdx.x / strips * (WARPS * ROWS_OF_WARP) + threadIdx.x / 32;
    if (c >= columns) return;
    bool packs = has_packs(product, columns), y_packs = has_packs(y, columns);
    Pack<float, ENTRIES> scale = load(ws, c, columns, has_packs(ws, columns));
    Pack<float, ENTRIES> offset = load(offsets, c, columns, has_packs(offsets, columns));
    Pack<float, ENTRIES> sum = load(sums, c, columns, has_packs(sums, columns));
    for (int n = 0; n < ROWS_OF_WARP; n++)
    {
        i64 row = first + n * WARPS;
        if (row >= rows) return;
        Pack<NUMBER, ENTRIES> numbers = load(product + row * columns, c, columns, packs);
        Pack<ENTRY, ENTRIES> result;
        float s = row_steps[row];
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            i64 whole = (i64)numbers.at[i] + zero * (i64)sum.at[i];
            if (row_sums) whole = 2 * whole + row_sums[row] + zero * inner;
            result.at[i] = narrow<ENTRY>((float)whole * (s * scale.at[i]) + offset.at[i]);
        }
        store(y + row * columns, c, columns, y_packs, result);
    }
}

extern "C" __global__ void __launch_bounds__(256) levels_scaled_floats(
    const float* product, const float* row_steps, const float* ws, const float* offsets, const float* sums,
    const int* row_sums, ENTRY* y, i64 rows, i64 columns, i64 inner, i64 zero)
{
    levels_scaled(product, row_steps, ws, offsets, sums, row_sums, y, rows, columns, inner, zero);
}

extern "C" __global__ void __launch_bounds__(256) levels_scaled_integers(
    const int* product, const float* row_steps, const float* ws, const float* offsets, const float* sums,
    const int* row_sums, ENTRY* y, i64 rows, i64 columns, i64 inner, i64 zero)
{
    levels_scaled(product, row_steps, ws, offsets, sums, row_sums, y, rows, columns, inner, zero);
}

// by_weight = dy ws and by_step = dy S in bfloat16, [n, out]; row r takes step r modulo steps. A warp takes a row.
extern "C" __global__ void __launch_bounds__(256) levels_rounded(
    const ENTRY* __restrict__ dy, const float* __restrict__ ws, const float* __restrict__ step,
    bf16* __restrict__ by_weight, bf16* __restrict__ by_step, i64 rows, i64 columns, i64 steps, float least)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = step[row % steps];
    s = s < least ? least : s; // NaN stays NaN
    bool packs = has_packs(dy, columns), weight_packs = has_packs(by_weight, columns);
    bool scale_packs = has_packs(ws, columns), step_packs = has_packs(by_step, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += STRIP)
    {
        Pack<ENTRY, ENTRIES> gradients = load(dy + row * columns, c, columns, packs);
        Pack<float, ENTRIES> scale = load(ws, c, columns, scale_packs);
        Pack<bf16, ENTRIES> of_weight, of_step;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            of_weight.at[i] = narrow<bf16>(wide(gradients.at[i]) * scale.at[i]);
            of_step.at[i] = narrow<bf16>(wide(gradients.at[i]) * s);
        }
        store(by_weight + row * columns, c, columns, weight_packs, of_weight);
        store(by_step + row * columns, c, columns, step_packs, of_step);
    }
}

// Levels of values x^ that are quantized already, q = round(clip((x^ - after) / S, low, high)), and in the same pass
// the products of each row with some vectors, in which NaN stays NaN.
//
//   values    [rows, columns]; row r takes step r modulo steps, and part r modulo parts of after [parts, columns]
//   levels    [rows, columns], whole numbers in bfloat16
//   vectors   [count, columns]
//   along     [rows, count]
//
// A warp takes a row.
extern "C" __global__ void __launch_bounds__(256) levels_requantized(
    const float* __restrict__ values, const float* __restrict__ step, const float* __restrict__ after,
    const float* __restrict__ vectors, bf16* __restrict__ levels, float* __restrict__ along, i64 rows, i64 columns,
    i64 steps, i64 parts, i64 count, float low, float high, float least)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = fmaxf(step[row % steps], least);
    values += row * columns;
    after += row % parts * columns;
    bool packs = has_packs(values, columns), level_packs = has_packs(levels, columns);
    bool shift_packs = has_packs(after, columns);
    for (i64 c = lane_in_warp() * ENTRIES; c < columns; c += STRIP)
    {
        Pack<float, ENTRIES> entries = load(values, c, columns, packs), shift = load(after, c, columns, shift_packs);
        Pack<bf16, ENTRIES> result;
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
            result.at[i] = narrow<bf16>(rintf(fmaxf(low, fminf(high, (entries.at[i] - shift.at[i]) / s))));
        store(levels + row * columns, c, columns, level_packs, result);
    }
    for (i64 vector = 0; vector < count; vector++)
    {
        float sum = 0;
        for (i64 c = lane_in_warp(); c < columns; c += 32) sum += values[c] * vectors[vector * columns + c];
        sum = lane_sum<32>(sum);
        if (lane_in_warp() == 0) along[row * count + vector] = sum;
    }
}

// QKR's logits from the products of levels, y[b, h, n, m] = s (S_n S'_mh product[b, n, m h] + x_along[b n, h]
// + z_along[b m h] - both[h]). A block takes n of one image.
//
//   product   [batch, N, N heads], whole numbers; column m heads + h
//   step      [N], S; z_step [N heads], S'
//   y         [batch, heads, N, N]
extern "C" __global__ void __launch_bounds__(256) levels_logits(
    const float* __restrict__ product, const float* __restrict__ step, const float* __restrict__ z_step,
    const float* __restrict__ x_along, const float* __restrict__ z_along, const float* __restrict__ both,
    float* __restrict__ y, int size, int heads, float scale, float least)
{
    int n = blockIdx.x % size, count = size * heads;
    i64 row = blockIdx.x, image = row / size;
    float s = fmaxf(step[n], least);
    for (int i = threadIdx.x; i < count; i += blockDim.x)
    {
        int h = i / size, m = i % size, column = m * heads + h;
        float whole = s * fmaxf(z_step[column], least) * product[row * count + column];
        float rest = x_along[row * heads + h] + z_along[image * count + column] - both[h];
        y[((image * heads + h) * size + n) * size + m] = scale * (whole + rest);
    }
}
