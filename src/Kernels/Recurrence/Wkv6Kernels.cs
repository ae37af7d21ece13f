using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Threading;

namespace Marrow.Kernels.Recurrence;

/// <summary>Sizes of a WKV6 call. A task is one head of one sequence, whose tokens are processed in order.</summary>
internal readonly record struct Wkv6Shape(int Batch, int Tokens, int Heads, int Size)
{
    /// <summary>Tokens between two state checkpoints.</summary>
    public const int SegmentTokens = 32;

    public int Tasks => Batch * Heads;

    public int Width => Heads * Size;

    public int Segments => (Tokens + SegmentTokens - 1) / SegmentTokens;

    public long Work => (long)Tasks * Tokens * Size * Size;

    /// <summary>Offset of a task's row in a tensor [batch, rows, heads · size].</summary>
    public long At(int task, int row, int rows) =>
        ((((long)(task / Heads) * rows) + row) * Width) + (task % Heads * Size);
}

/// <summary>
/// Forward pass of one head: <c>y_t = r_tᵀ S_t + (r_t · (u ∘ k_t)) v_t</c>, <c>S_{t+1} = diag(d_t) S_t + k_t v_tᵀ</c>.
/// </summary>
internal unsafe struct Wkv6Forward<T> : IRangeKernel
    where T : unmanaged, INumber<T>
{
    public Wkv6Shape Shape;
    public T* R, K, V, Decay, Bonus, First, Both, Checkpoints;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var (size, tokens) = (Shape.Size, Shape.Tokens);
        var state = stackalloc T[size * size];
        var square = (long)size * size;
        for (var task = first; task < end; task++)
        {
            if (First == null)
            {
                new Span<T>(state, size * size).Clear();
            }
            else
            {
                Unsafe.CopyBlock(state, First + (task * square), (uint)(square * sizeof(T)));
            }

            for (var t = 0; t < tokens; t++)
            {
                if (t % Wkv6Shape.SegmentTokens == 0)
                {
                    var checkpoint = Checkpoints
                        + ((((long)task * Shape.Segments) + (t / Wkv6Shape.SegmentTokens)) * square);
                    Unsafe.CopyBlock(checkpoint, state, (uint)(square * sizeof(T)));
                }

                var at = Shape.At(task, t, tokens);
                var y = Both + Shape.At(task, t, tokens + size);
                Token(R + at, K + at, V + at, Decay + at, Bonus + (task % Shape.Heads * size), state, y, size);
            }

            for (var i = 0; i < size; i++)
            {
                Unsafe.CopyBlock(Both + Shape.At(task, tokens + i, tokens + size), state + (i * size),
                    (uint)(size * sizeof(T)));
            }
        }
    }

    private static void Token(T* r, T* k, T* v, T* decay, T* bonus, T* state, T* y, int size)
    {
        // (r · (u ∘ k)) v
        var own = T.Zero;
        for (var i = 0; i < size; i++)
        {
            own += r[i] * bonus[i] * k[i];
        }

        for (var c = 0; c < size; c += Vector256<T>.Count)
        {
            (Vector256.Create(own) * Vector256.Load(v + c)).Store(y + c);
        }

        for (var i = 0; i < size; i++)
        {
            var (ri, ki, di) = (Vector256.Create(r[i]), Vector256.Create(k[i]), Vector256.Create(decay[i]));
            var row = state + (i * size);
            for (var c = 0; c < size; c += Vector256<T>.Count)
            {
                var s = Vector256.Load(row + c);
                Wkv6Vectors.MultiplyAdd(ri, s, Vector256.Load(y + c)).Store(y + c);
                Wkv6Vectors.MultiplyAdd(di, s, ki * Vector256.Load(v + c)).Store(row + c);
            }
        }
    }
}

/// <summary>
/// Backward pass of one head. The states of a segment are recomputed from its checkpoint.
/// </summary>
internal unsafe struct Wkv6Backward<T> : IRangeKernel
    where T : unmanaged, INumber<T>
{
    public Wkv6Shape Shape;
    public T* R, K, V, Decay, Bonus, Checkpoints, Dy, Dr, Dk, Dv, Ddecay, Dbonus, Dfirst;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var (size, tokens, square) = (Shape.Size, Shape.Tokens, Shape.Size * Shape.Size);
        var gradient = (T*)NativeMemory.AlignedAlloc((nuint)((Wkv6Shape.SegmentTokens + 1) * square * sizeof(T)), 64);
        var states = gradient + square; // of the segment's tokens
        try
        {
            for (var task = first; task < end; task++)
            {
                for (var i = 0; i < size; i++)
                {
                    Unsafe.CopyBlock(gradient + (i * size), Dy + Shape.At(task, tokens + i, tokens + size),
                        (uint)(size * sizeof(T)));
                }

                var dBonus = Dbonus + ((long)task * size);
                new Span<T>(dBonus, size).Clear();
                for (var segment = Shape.Segments - 1; segment >= 0; segment--)
                {
                    var start = segment * Wkv6Shape.SegmentTokens;
                    var count = Math.Min(Wkv6Shape.SegmentTokens, tokens - start);
                    Unsafe.CopyBlock(states, Checkpoints + ((((long)task * Shape.Segments) + segment) * square),
                        (uint)(square * sizeof(T)));
                    for (var t = 0; t < count - 1; t++)
                    {
                        var at = Shape.At(task, start + t, tokens);
                        Advance(K + at, V + at, Decay + at, states + (t * square), states + ((t + 1) * square), size);
                    }

                    for (var t = count - 1; t >= 0; t--)
                    {
                        Token(task, start + t, states + (t * square), gradient, dBonus);
                    }
                }

                if (Dfirst != null)
                {
                    Unsafe.CopyBlock(Dfirst + ((long)task * square), gradient, (uint)(square * sizeof(T)));
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(gradient);
        }
    }

    /// <summary>S_{t+1} = diag(d) S_t + k vᵀ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Advance(T* k, T* v, T* decay, T* from, T* to, int size)
    {
        for (var i = 0; i < size; i++)
        {
            var (ki, di, row) = (Vector256.Create(k[i]), Vector256.Create(decay[i]), i * size);
            for (var c = 0; c < size; c += Vector256<T>.Count)
            {
                Wkv6Vectors.MultiplyAdd(di, Vector256.Load(from + row + c), ki * Vector256.Load(v + c)).Store(
                    to + row + c);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Token(int task, int token, T* state, T* gradient, T* dBonus)
    {
        var (size, at) = (Shape.Size, Shape.At(task, token, Shape.Tokens));
        T* r = R + at, k = K + at, v = V + at, decay = Decay + at, bonus = Bonus + (task % Shape.Heads * size);
        T* dr = Dr + at, dk = Dk + at, dv = Dv + at, dDecay = Ddecay + at;
        var dy = Dy + Shape.At(task, token, Shape.Tokens + size);

        var along = Vector256<T>.Zero; // v · dy
        for (var c = 0; c < size; c += Vector256<T>.Count)
        {
            along = Wkv6Vectors.MultiplyAdd(Vector256.Load(v + c), Vector256.Load(dy + c), along);
        }

        var (meeting, own) = (Vector256.Sum(along), T.Zero);
        for (var i = 0; i < size; i++)
        {
            own += r[i] * bonus[i] * k[i];
            dBonus[i] += r[i] * k[i] * meeting;
        }

        for (var c = 0; c < size; c += Vector256<T>.Count)
        {
            (Vector256.Create(own) * Vector256.Load(dy + c)).Store(dv + c);
        }

        for (var i = 0; i < size; i++)
        {
            var (ri, ki, di) = (Vector256.Create(r[i]), Vector256.Create(k[i]), Vector256.Create(decay[i]));
            T* s = state + (i * size), g = gradient + (i * size);
            var (ofR, ofK, ofDecay) = (Vector256<T>.Zero, Vector256<T>.Zero, Vector256<T>.Zero);
            for (var c = 0; c < size; c += Vector256<T>.Count)
            {
                var (si, gi, dyc) = (Vector256.Load(s + c), Vector256.Load(g + c), Vector256.Load(dy + c));
                ofR = Wkv6Vectors.MultiplyAdd(si, dyc, ofR);
                ofK = Wkv6Vectors.MultiplyAdd(gi, Vector256.Load(v + c), ofK);
                ofDecay = Wkv6Vectors.MultiplyAdd(gi, si, ofDecay);
                Wkv6Vectors.MultiplyAdd(ki, gi, Vector256.Load(dv + c)).Store(dv + c);
                Wkv6Vectors.MultiplyAdd(di, gi, ri * dyc).Store(g + c);
            }

            dr[i] = Vector256.Sum(ofR) + (bonus[i] * k[i] * meeting);
            dk[i] = Vector256.Sum(ofK) + (bonus[i] * r[i] * meeting);
            dDecay[i] = Vector256.Sum(ofDecay);
        }
    }
}

/// <summary>Vector arithmetic of either floating-point type.</summary>
internal static class Wkv6Vectors
{
    /// <summary><c>a b + c</c>; the branch is resolved by the JIT.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MultiplyAdd<T>(Vector256<T> a, Vector256<T> b, Vector256<T> c) =>
        typeof(T) == typeof(float)
        ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();
}
