// The recurrence of RWKV-6 (arXiv 2404.05892, section 4). With S [key, value] the state of one head:
//
//   y_t = r_t' (S_t + (u . k_t) v_t')        S_{t+1} = diag(d_t) S_t + k_t v_t'
//
//   r, k, v, d     [batch, tokens, heads * SIZE]
//   u              [heads, SIZE]
//   both           [batch, tokens + SIZE, heads * SIZE]: y, and behind it the rows of the last state
//   checkpoints    [batch * heads, segments, SIZE, SIZE]: the state before each SEGMENT tokens
//
// SIZE, a multiple of 16 up to 64, and SEGMENT are set when the text is compiled. A block takes one head of one
// sequence.
#include "marrow.cuh"

#define QUAD 4
typedef Pack<float, QUAD> Quad;

// Where a head's tokens begin in [batch, rows, heads * SIZE].
static __device__ __forceinline__ i64 head_start(i64 rows, int heads)
{
    return (blockIdx.x / heads * rows * heads + blockIdx.x % heads) * SIZE;
}

static __device__ __forceinline__ i64 checkpoint_start(i64 tokens, i64 segment)
{
    return ((i64)blockIdx.x * ((tokens + SEGMENT - 1) / SEGMENT) + segment) * SIZE * SIZE;
}

// A thread takes a value channel: its column of S lies in registers. `first` is the state before, [batch, heads, SIZE,
// SIZE], or null for zeros.
extern "C" __global__ void __launch_bounds__(SIZE, 1) wkv6_forward(
    const float* __restrict__ r, const float* __restrict__ k, const float* __restrict__ v,
    const float* __restrict__ d, const float* __restrict__ u, const float* __restrict__ first,
    float* __restrict__ both, float* __restrict__ checkpoints, i64 tokens, int heads)
{
    __shared__ Quad rt[SIZE / QUAD], kt[SIZE / QUAD], dt[SIZE / QUAD], ut[SIZE / QUAD];
    int j = threadIdx.x;
    i64 width = (i64)heads * SIZE, at = head_start(tokens, heads) + j, out = head_start(tokens + SIZE, heads) + j;
    float s[SIZE];
#pragma unroll
    for (int i = 0; i < SIZE; i++) s[i] = first ? first[((i64)blockIdx.x * SIZE + i) * SIZE + j] : 0;
    ((float*)ut)[j] = u[blockIdx.x % heads * SIZE + j];
    for (i64 t = 0; t < tokens; t++, at += width, out += width)
    {
        if (t % SEGMENT == 0)
        {
            float* kept = checkpoints + checkpoint_start(tokens, t / SEGMENT) + j;
#pragma unroll
            for (int i = 0; i < SIZE; i++) kept[i * SIZE] = s[i];
        }
        __syncthreads(); // all have used the last token
        ((float*)rt)[j] = r[at];
        ((float*)kt)[j] = k[at];
        ((float*)dt)[j] = d[at];
        __syncthreads(); // all have written this one
        float vj = v[at], y = 0;
#pragma unroll
        for (int q = 0; q < SIZE / QUAD; q++)
        {
            Quad ri = rt[q], ki = kt[q], di = dt[q], ui = ut[q];
#pragma unroll
            for (int l = 0; l < QUAD; l++)
            {
                float kv = ki.at[l] * vj, &state = s[q * QUAD + l];
                y += ri.at[l] * (state + ui.at[l] * kv);
                state = state * di.at[l] + kv;
            }
        }
        both[out] = y;
    }
#pragma unroll
    for (int i = 0; i < SIZE; i++, out += width) both[out] = s[i];
}

// The backward of values. With G_t the gradient of S_t, which needs no state:
//
//   dv_t = (r_t . (u . k_t)) dy_t + G_{t+1}' k_t        G_t = diag(d_t) G_{t+1} + r_t dy_t'
//
// A thread takes a value channel, its column of G in registers. `dboth` is as both, `dv` as v; `dfirst`, as first, is
// G before the first token, or null.
extern "C" __global__ void __launch_bounds__(SIZE, 1) wkv6_backward_values(
    const float* __restrict__ r, const float* __restrict__ k, const float* __restrict__ d,
    const float* __restrict__ u, const float* __restrict__ dboth,
    float* __restrict__ dv, float* __restrict__ dfirst, i64 tokens, int heads)
{
    __shared__ Quad rt[SIZE / QUAD], kt[SIZE / QUAD], dt[SIZE / QUAD], ut[SIZE / QUAD];
    int j = threadIdx.x;
    i64 width = (i64)heads * SIZE, start = head_start(tokens, heads) + j, out = head_start(tokens + SIZE, heads) + j;
    float g[SIZE];
#pragma unroll
    for (int i = 0; i < SIZE; i++) g[i] = dboth[out + (tokens + i) * width];
    ((float*)ut)[j] = u[blockIdx.x % heads * SIZE + j];
    for (i64 t = tokens - 1; t >= 0; t--)
    {
        i64 at = start + t * width;
        __syncthreads(); // all have used the token behind
        ((float*)rt)[j] = r[at];
        ((float*)kt)[j] = k[at];
        ((float*)dt)[j] = d[at];
        __syncthreads(); // all have written this one
        float dy = dboth[out + t * width], own = 0, sum = 0;
#pragma unroll
        for (int q = 0; q < SIZE / QUAD; q++)
        {
            Quad ri = rt[q], ki = kt[q], di = dt[q], ui = ut[q];
#pragma unroll
            for (int l = 0; l < QUAD; l++)
            {
                float& gradient = g[q * QUAD + l];
                own += ri.at[l] * ui.at[l] * ki.at[l];
                sum += ki.at[l] * gradient;
                gradient = gradient * di.at[l] + ri.at[l] * dy;
            }
        }
        dv[at] = own * dy + sum;
    }
    if (!dfirst) return;
#pragma unroll
    for (int i = 0; i < SIZE; i++) dfirst[((i64)blockIdx.x * SIZE + i) * SIZE + j] = g[i];
}

// A key channel has 4 threads, each with a quarter of its row of S and of G: quads of columns, every fourth one.
#define OWNERS 4
#define PART (SIZE / OWNERS)

// Tokens whose states lie in registers at a time.
#define GROUP 4

static __device__ __forceinline__ int column_of(int entry)
{
    return entry / QUAD * OWNERS * QUAD + threadIdx.x % OWNERS * QUAD + entry % QUAD;
}

// The backward of keys:
//
//   dr_t = S_t dy_t + (u . k_t)(v_t . dy_t)            dd_t = rowsum(G_{t+1} . S_t)
//   dk_t = G_{t+1} v_t + (r_t . u)(v_t . dy_t)          du   = sum_t (r_t . k_t)(v_t . dy_t)
//
// It goes back through the segments, and in each through groups of tokens, whose states it computes from the segment's
// checkpoint: about four more steps of S a token, and no memory. `du` is [batch, heads, SIZE].
extern "C" __global__ void __launch_bounds__(SIZE * OWNERS) wkv6_backward_keys(
    const float* __restrict__ r, const float* __restrict__ k, const float* __restrict__ v,
    const float* __restrict__ d, const float* __restrict__ u, const float* __restrict__ checkpoints,
    const float* __restrict__ dboth, float* __restrict__ dr, float* __restrict__ dk, float* __restrict__ dd,
    float* __restrict__ du, i64 tokens, int heads)
{
    __shared__ float rs[SEGMENT][SIZE], ks[SEGMENT][SIZE], ds[SEGMENT][SIZE];
    __shared__ Quad vs[SEGMENT][SIZE / QUAD], dys[SEGMENT][SIZE / QUAD];
    int i = threadIdx.x / OWNERS;
    i64 width = (i64)heads * SIZE, start = head_start(tokens, heads), out = head_start(tokens + SIZE, heads);
    float ui = u[blockIdx.x % heads * SIZE + i], sum_u = 0, g[PART];
#pragma unroll
    for (int e = 0; e < PART; e++) g[e] = dboth[out + (tokens + i) * width + column_of(e)];
    for (i64 segment = (tokens + SEGMENT - 1) / SEGMENT - 1; segment >= 0; segment--)
    {
        i64 begin = segment * SEGMENT;
        int count = tokens - begin < SEGMENT ? (int)(tokens - begin) : SEGMENT;
        __syncthreads(); // all have used the segment behind
        for (int n = threadIdx.x; n < count * SIZE; n += SIZE * OWNERS)
        {
            int t = n / SIZE, c = n % SIZE;
            i64 at = start + (begin + t) * width + c;
            rs[t][c] = r[at];
            ks[t][c] = k[at];
            ds[t][c] = d[at];
            ((float*)vs[t])[c] = v[at];
            ((float*)dys[t])[c] = dboth[out + (begin + t) * width + c];
        }
        __syncthreads(); // all have written this one
        const float* kept = checkpoints + checkpoint_start(tokens, segment) + i * SIZE;
        for (int group = (count - 1) / GROUP * GROUP; group >= 0; group -= GROUP)
        {
            float s[GROUP][PART];
#pragma unroll
            for (int e = 0; e < PART; e++) s[0][e] = kept[column_of(e)];
            for (int t = 0; t < group; t++)
#pragma unroll
                for (int e = 0; e < PART; e++)
                    s[0][e] = s[0][e] * ds[t][i] + ks[t][i] * vs[t][column_of(e) / QUAD].at[e % QUAD];
#pragma unroll
            for (int l = 1; l < GROUP; l++)
            {
                int t = group + l - 1; // what lies beyond the last token is not used
#pragma unroll
                for (int e = 0; e < PART; e++)
                    s[l][e] = s[l - 1][e] * ds[t][i] + ks[t][i] * vs[t][column_of(e) / QUAD].at[e % QUAD];
            }
#pragma unroll
            for (int l = GROUP - 1; l >= 0; l--)
            {
                int t = group + l;
                if (t >= count) continue;
                float ri = rs[t][i], ki = ks[t][i], di = ds[t][i];
                float of_r = 0, of_k = 0, of_d = 0, meeting = 0;
#pragma unroll
                for (int e = 0; e < PART; e++)
                {
                    float vj = vs[t][column_of(e) / QUAD].at[e % QUAD], dy = dys[t][column_of(e) / QUAD].at[e % QUAD];
                    meeting += vj * dy;
                    of_r += s[l][e] * dy;
                    of_k += g[e] * vj;
                    of_d += g[e] * s[l][e];
                    g[e] = g[e] * di + ri * dy;
                }
                meeting = lane_sum<OWNERS>(meeting);
                of_r = lane_sum<OWNERS>(of_r);
                of_k = lane_sum<OWNERS>(of_k);
                of_d = lane_sum<OWNERS>(of_d);
                sum_u += ri * ki * meeting;
                if (threadIdx.x % OWNERS == 0)
                {
                    i64 at = start + (begin + t) * width + i;
                    dr[at] = of_r + ui * ki * meeting;
                    dk[at] = of_k + ri * ui * meeting;
                    dd[at] = of_d;
                }
            }
        }
    }
    if (threadIdx.x % OWNERS == 0) du[(i64)blockIdx.x * SIZE + i] = sum_u;
}
