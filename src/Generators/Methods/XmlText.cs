namespace Marrow.Generators.Methods;

/// <summary>Text in documentation comments of emitted code, which can hold expressions that a user wrote.</summary>
internal static class XmlText
{
    public static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");
}
