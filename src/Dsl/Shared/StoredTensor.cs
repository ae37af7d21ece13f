namespace Marrow.Shared;

/// <summary>A tensor as a checkpoint holds it, and what of the model's tensors it consists of.</summary>
/// <param name="Name">
/// Its name. Where the tensors of a module are unknown, which they are while typing for hand-written ones, the module's
/// with <c>.*</c>.
/// </param>
/// <param name="Size">Number of its rows in the model's layout; 0 where it is unknown.</param>
/// <param name="Rows">The model's rows in it.</param>
/// <param name="IsTransposed">Whether it is stored as [in, out].</param>
internal sealed record StoredTensor(string Name, long Size, IReadOnlyList<StoredRows> Rows, bool IsTransposed = false)
{
    /// <summary>The start of all names that it may stand for, or null if it is one tensor.</summary>
    public string? UnknownInside => Name.EndsWith("*", StringComparison.Ordinal)
        ? Name.Substring(0, Name.Length - 1)
        : null;
}

/// <summary>Rows of one of the model's tensors in one of a checkpoint's.</summary>
/// <param name="Tensor">Number of the model's tensor.</param>
/// <param name="First">The first of its rows.</param>
/// <param name="Count">How many.</param>
/// <param name="Row">Where they start in the checkpoint's tensor, in the model's layout.</param>
internal sealed record StoredRows(int Tensor, long First, long Count, long Row);
