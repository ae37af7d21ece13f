using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Marrow.Kernels;

/// <summary>A matrix that is made entry by entry, where it is wanted.</summary>
internal interface IFloatRows
{
    /// <summary>Eight adjacent entries of a row.</summary>
    Vector256<float> At(int row, int column);

    /// <summary>One entry.</summary>
    float One(int row, int column);
}

/// <summary>Writes it.</summary>
internal unsafe struct RowsKernel<TRows> : IRangeKernel
    where TRows : struct, IFloatRows
{
    public TRows Rows;
    public int Columns;
    public float* Values;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var rows = Rows;
        for (var row = first; row < end; row++)
        {
            var target = Values + ((long)row * Columns);
            var column = 0;
            for (; column <= Columns - Lanes.Count; column += Lanes.Count)
            {
                rows.At(row, column).Store(target + column);
            }

            for (; column < Columns; column++)
            {
                target[column] = rows.One(row, column);
            }
        }
    }
}

/// <summary>Its columns, as the right side of a product.</summary>
internal readonly unsafe struct RowsOperand<TRows>(TRows rows) : IPanelOperand
    where TRows : struct, IFloatRows
{
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var of = rows;
        for (var row = step; row < step + steps; row++, panels += width)
        {
            var panel = panels;
            var column = line;
            for (; column <= line + lines - width; column += width, panel += next)
            {
                of.At(row, column).Store(panel);
                of.At(row, column + Lanes.Count).Store(panel + Lanes.Count);
            }

            for (var rest = 0; column + rest < line + lines; rest++)
            {
                panel[rest] = of.One(row, column + rest);
            }
        }
    }
}
