namespace Marrow.Generators.Diagnostics;

/// <summary>MRW008 in words.</summary>
internal static class InternalError
{
    /// <summary>What a user reports: the class, the exception, and where it was thrown.</summary>
    public static string Describe(string className, Exception failure)
    {
        failure = failure.GetBaseException();
        var frame = failure.StackTrace?.Split('\n').FirstOrDefault()?.Trim().Split(
            [" in "], StringSplitOptions.None)[0];
        return $"Marrow failed on '{className}': {failure.GetType().Name}: {failure.Message} "
            + $"({frame ?? "no stack trace"}). "
            + "This is a bug in Marrow; please report this message with the class's declaration";
    }
}
