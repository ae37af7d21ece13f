namespace Marrow;

/// <summary>x</summary>
public static class ModelOperations
{
    /// <summary>x</summary>
    internal static void FreezeBase(this IModel model) { }
}
