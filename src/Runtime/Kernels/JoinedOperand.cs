namespace Marrow.Kernels;

/// <summary>Lines that go on in another matrix: <c>[a | c]</c>.</summary>
/// <param name="first">Their beginning.</param>
/// <param name="length">How long it is.</param>
/// <param name="second">Their end.</param>
internal readonly unsafe struct JoinedOperand<TFirst, TSecond>(TFirst first, int length, TSecond second) : IPanelOperand
    where TFirst : struct, IPanelOperand
    where TSecond : struct, IPanelOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var before = Math.Clamp(length - step, 0, steps);
        if (before > 0)
        {
            first.Pack(line, lines, step, before, panels, next, width);
        }

        if (before < steps)
        {
            second.Pack(line, lines, step + before - length, steps - before, panels + (before * width), next, width);
        }
    }
}
