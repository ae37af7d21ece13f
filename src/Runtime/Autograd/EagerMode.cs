namespace Marrow.Autograd;

/// <summary>
/// On this thread, adapted layers run by their plain formula under autograd instead of the fused code.
/// </summary>
internal sealed class EagerMode : IDisposable
{
    [ThreadStatic]
    private static int depth;

    public EagerMode() => depth++;

    public static bool IsOn => depth > 0;

    public void Dispose() => depth--;
}
