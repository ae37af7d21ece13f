namespace Marrow.Kernels;

/// <summary>One side of a product. Its lines are the rows of a, or the columns of b; along a line run the entries that are multiplied.</summary>
internal unsafe interface IPanelOperand
{
    /// <summary>Lays a part of some lines out in panels of so many side by side: entry k of line i at <c>panels[i / width · next + k · width + i mod width]</c>.</summary>
    /// <param name="line">The first line.</param>
    /// <param name="lines">How many; what is laid out for the rest of the last panel has no meaning.</param>
    /// <param name="step">The first entry.</param>
    /// <param name="steps">How many entries.</param>
    /// <param name="panels">Where to; of width 6, two floats after each panel may be overwritten, of width 16 five lines.</param>
    /// <param name="next">From panel to panel.</param>
    /// <param name="width">6 on the left side, 16 on the right.</param>
    void Pack(int line, int lines, int step, int steps, float* panels, long next, int width);
}
