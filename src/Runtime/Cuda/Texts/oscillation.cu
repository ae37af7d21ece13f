// Oscillation of a weight's levels, and with FREEZES=1 iterative freezing (arXiv 2203.11086), in one pass over the
// tensors of OscillationState, which it changes. A thread takes 8 of `count` weights.
//
//   now             the levels after a step
//   levels          those before it, then those that are kept
//   direction       -1 up, 1 down, 0 none: of the last change
//   frequency       f = momentum o + kept f, o = 1 for a change against that direction
//   total           how many of these there were
//   frozen          true for weights whose frequency has been above the threshold
//   frozen_levels   what they stay at: the rounded average, or the level where there is none
//   average         the exponential average of levels, or null
//   changed         [warps], how many levels changed
//
// Bytes a weight: 21; with freezing 33.
#include "marrow.cuh"

extern "C" __global__ void __launch_bounds__(256) oscillation_update(
    const i8* __restrict__ now, i8* __restrict__ levels, i8* __restrict__ direction, float* __restrict__ frequency,
    int* __restrict__ total, i8* __restrict__ frozen, i8* __restrict__ frozen_levels, float* __restrict__ average,
    int* __restrict__ changed, i64 count, float momentum, float kept, float threshold)
{
    i64 c = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * ENTRIES;
    bool packs = has_packs(now, count) && has_packs(levels, count) && has_packs(direction, count)
        && has_packs(frequency, count) && has_packs(total, count) && c < count;
    Pack<i8, ENTRIES> next = load(now, c, count, packs), before = load(levels, c, count, packs);
    Pack<i8, ENTRIES> directions = load(direction, c, count, packs);
    Pack<float, ENTRIES> frequencies = load(frequency, c, count, packs);
    Pack<int, ENTRIES> totals = load(total, c, count, packs);
#if FREEZES
    bool frozen_packs = has_packs(frozen, count) && has_packs(frozen_levels, count) && c < count;
    bool average_packs = has_packs(average, count) && c < count;
    Pack<i8, ENTRIES> is_frozen = load(frozen, c, count, frozen_packs);
    Pack<i8, ENTRIES> stays = load(frozen_levels, c, count, frozen_packs);
    Pack<float, ENTRIES> averages = {};
    if (average) averages = load(average, c, count, average_packs);
#endif
    float changes = 0;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++)
    {
#if FREEZES
        if (is_frozen.at[i]) next.at[i] = stays.at[i];
#endif
        int sign = (before.at[i] > next.at[i]) - (before.at[i] < next.at[i]);
        bool has_oscillated = directions.at[i] * sign < 0;
        frequencies.at[i] = frequencies.at[i] * kept + (has_oscillated ? momentum : 0);
        totals.at[i] += has_oscillated;
        if (sign != 0) directions.at[i] = (i8)sign;
        changes += sign != 0;
#if FREEZES
        if (frequencies.at[i] > threshold)
        {
            is_frozen.at[i] = 1;
            stays.at[i] = average ? (i8)(int)rintf(averages.at[i]) : next.at[i];
        }
        averages.at[i] = averages.at[i] * kept + momentum * next.at[i];
#endif
    }
    store(levels, c, count, packs, next);
    store(direction, c, count, packs, directions);
    store(frequency, c, count, packs, frequencies);
    store(total, c, count, packs, totals);
#if FREEZES
    store(frozen, c, count, frozen_packs, is_frozen);
    store(frozen_levels, c, count, frozen_packs, stays);
    if (average) store(average, c, count, average_packs, averages);
#endif
    changes = lane_sum<32>(changes);
    if (lane_in_warp() == 0) changed[warp_in_grid()] = (int)changes;
}
